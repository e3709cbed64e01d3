'use strict'

// The work of the gateway as a plugin of Haraka, done the way its manual shows: look the recipient up, add
// List-Unsubscribe and List-Unsubscribe-Post, put a footer into both bodies (Haraka's own banner), and leave the rest to
// Haraka's outbound queue. No evidence, no receipt, no second decision.

const fs = require('node:fs')
const path = require('node:path')

const SAID = 'You get this mail because you agreed to it.'

exports.register = function () {
  const { people, port } = JSON.parse(fs.readFileSync(path.join(process.env.HARAKA, 'bench.json')))
  this.people = new Map(people)
  this.port = port
}

exports.hook_mail = function (next, connection) {
  connection.relaying = true // to the outbound queue
  next()
}

exports.hook_rcpt = function (next, connection, params) {
  const address = params[0].address
  const token = this.people.get(typeof address === 'function' ? params[0].address() : address)
  if (!token) return next(DENY, 'not without consent')
  connection.transaction.notes.token = token
  next(OK)
}

exports.hook_data = function (next, { transaction }) {
  const link = `https://gate.bench.test/u/${transaction.notes.token}`
  transaction.set_banner(`${SAID} Stop: ${link}`, `${SAID} <a href="${link}">Stop</a>`)
  next()
}

// Not before the message's own header is read: what is added earlier is signed twice.
exports.hook_data_post = function (next, { transaction }) {
  transaction.add_header('List-Unsubscribe', `<https://gate.bench.test/1/${transaction.notes.token}>`)
  transaction.add_header('List-Unsubscribe-Post', 'List-Unsubscribe=One-Click')
  next()
}

exports.hook_get_mx = function (next) {
  next(OK, { priority: 0, exchange: '127.0.0.1', port: this.port })
}
