"""A Django project with django-newsletter that sends one issue through an SMTP server, in a process of its own.

    python tests/support/django_site.py FOLDER PORT LOGIN PASSWORD SENDER ADDRESS…

Prints what django-newsletter logs; every address is a subscriber. This is how a Django site really sends: models, the
package's own templates, and its `submit_newsletter` command.
"""

import sys
from pathlib import Path

import django
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.utils.timezone import now, timedelta


def configure(folder: Path, port: int, login: str, password: str) -> None:
    """Set Django up as a small site would be, sending to loopback."""
    settings.configure(
        SECRET_KEY="a site of the tests",
        ROOT_URLCONF="newsletter.urls",
        SITE_ID=1,
        USE_TZ=True,
        LANGUAGE_CODE="fr",
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "site.sqlite3"}},
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django.contrib.sites",
            "sorl.thumbnail",
            "newsletter",
        ],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        NEWSLETTER_THUMBNAIL="sorl-thumbnail",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=port,
        EMAIL_HOST_USER=login,
        EMAIL_HOST_PASSWORD=password,
        EMAIL_TIMEOUT=30,
        LOGGING={
            "version": 1,
            "handlers": {"console": {"class": "logging.StreamHandler"}},
            "loggers": {"newsletter": {"handlers": ["console"], "level": "INFO"}},
        },
    )
    django.setup()


def send(sender: str, addresses: list[str]) -> None:
    """Make a newsletter with subscribers and one issue, and submit it."""
    names = ("Article", "Message", "Newsletter", "Submission", "Subscription")
    article, message, newsletter, submission, subscription = (apps.get_model("newsletter", name) for name in names)
    brand = "Maison Lavande"
    letter = newsletter.objects.create(title="Lettre d’Acme", slug="acme", email=sender, sender=brand, send_html=True)
    issue = message.objects.create(title="Le printemps arrive", slug="printemps", newsletter=letter)
    article.objects.create(post=issue, sortorder=1, title="Nouveautés", text="<p>Tout est <b>prêt</b> pour l’été.</p>")
    for address in addresses:
        subscription.objects.create(newsletter=letter, email_field=address, subscribed=True)
    queued = submission.from_message(issue)
    queued.publish_date = now() - timedelta(minutes=1)
    queued.prepared = True
    queued.save()
    call_command("submit_newsletter", verbosity=1)


if __name__ == "__main__":
    site, smtp_port, user, secret, author, *people = sys.argv[1:]
    configure(Path(site), int(smtp_port), user, secret)
    call_command("migrate", verbosity=0)
    send(author, people)
