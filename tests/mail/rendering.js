// Shows each page in a frame of its own, as wide as asked, and says of each link to `stop` whether a person can use it.
async ({pages, width, stop}) => {
  const rgb = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return {r, g, b, a};
  };
  const light = ({r, g, b}) => {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  // The nearest background that is painted; where none is, the paper of the reader.
  const behind = (view, node) => {
    for (; node; node = node.parentElement) {
      const color = rgb(view.getComputedStyle(node).backgroundColor);
      if (color.a > 0.99) return color;
    }
    return {r: 255, g: 255, b: 255};
  };
  // Whether nothing around the words fades, cuts or moves them.
  const plain = (view, node) => {
    for (; node; node = node.parentElement) {
      const style = view.getComputedStyle(node);
      const odd = [style.filter, style.clipPath, style.maskImage, style.transform].some((one) => one && one !== "none");
      if (odd || style.opacity < 0.9 || style.mixBlendMode !== "normal") return false;
    }
    return true;
  };
  const judged = (view, link) => {
    link.scrollIntoView({block: "center"});
    const box = [...link.getClientRects()].find((one) => one.width > 1 && one.height > 1);
    if (!box) return {hit: false};
    const x = box.left + Math.min(box.width / 2, 20), y = box.top + box.height / 2;
    const hit = view.document.elementFromPoint(x, y);
    const words = link.querySelector("strong") || link;
    const style = view.getComputedStyle(words);
    const [a, b] = [light(rgb(style.color)), light(behind(view, words))].sort((p, q) => q - p);
    return {
      hit: !!hit && (hit === link || link.contains(hit)),
      plain: plain(view, words) && style.webkitTextFillColor === style.color && style.webkitTextSecurity === "none",
      contrast: (a + 0.05) / (b + 0.05),
      size: parseFloat(style.fontSize),
      left: box.left, right: box.right, wide: view.document.documentElement.scrollWidth,
      words: link.textContent.replace(/\s+/g, " ").trim(),
    };
  };
  const frames = Object.entries(pages).map(([name, page]) => {
    const frame = document.createElement("iframe");
    frame.sandbox = "allow-same-origin";
    frame.title = name;
    frame.style.cssText = `width:${width}px;height:700px;border:0`;
    const ready = new Promise((done) => frame.addEventListener("load", done, {once: true}));
    frame.srcdoc = page;
    document.body.append(frame);
    return ready.then(() => [name, frame]);
  });
  const found = {};
  for (const [name, frame] of await Promise.all(frames)) {
    const view = frame.contentWindow;
    const links = [...view.document.querySelectorAll("a")].filter((link) => link.getAttribute("href") === stop);
    found[name] = links.map((link) => judged(view, link));
  }
  return found;
}
