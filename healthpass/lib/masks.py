"""How personal data looks on screens: enough to recognise one's own, too little to copy another's."""


def mask_name(name: str) -> str:
    """Surname of a Chinese name, first letter of each part of any other: 张**, J*** S****."""
    name = name.strip()
    if " " in name:
        return " ".join(mask_name(part) for part in name.split())
    return name[:1] + "*" * max(len(name) - 1, 1)


def mask_document(number: str) -> str:
    """First two and last two characters; short numbers keep the last two only."""
    if len(number) < 7:
        return "*" * max(len(number) - 2, 1) + number[-2:]
    return number[:2] + "*" * (len(number) - 4) + number[-2:]


def mask_phone(e164: str) -> str:
    """Mainland numbers as 138****1234, others with the country code and the last three digits."""
    if e164.startswith("+86") and len(e164) == 14:
        return f"{e164[3:6]}****{e164[-4:]}"
    return f"{e164[:3]}{'*' * max(len(e164) - 6, 1)}{e164[-3:]}"
