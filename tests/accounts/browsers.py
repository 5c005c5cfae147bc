"""What people do in a browser to sign in."""

from django.test import Client


def browser() -> Client:
    return Client(headers={"accept-language": "en"})


def ask(client, phone="13800000001", **data):
    return client.post("/login/", {"phone": phone, **data})


def enter(client, digits):
    return client.post("/login/code/", {"code": digits})


def sign_in(client, outbox, phone="13800000001", **data):
    ask(client, phone, **data)
    return enter(client, outbox.digits)


def wrong(digits):
    return f"{(int(digits) + 1) % 10**6:06}"
