"""What cannot be saved of an import: parse a CSV, hash its numbers, COPY the rows; by hand, without Django.

Run as `python benchmarks/risk_floor.py URL FILE KEY BATCH`; COPYs into the table `floor`.
"""

import csv
import hmac
import sys
from collections.abc import Iterator
from itertools import islice

import psycopg

COLUMNS = "batch_id, document_hash, category, starts_at, ends_at, source, office, office_phone"


def blocks(path: str, key: bytes, batch: str) -> Iterator[str]:
    """The rows in COPY's format."""
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        begun = hmac.new(key, b"document-01\0", "sha256")
        while rows := list(islice(reader, 2_000)):
            yield "".join(
                f"{batch}\t{hashed(begun.copy(), number)}\t{category}\t{starts} 00:00+08\t{ends} 00:00+08\t"
                f"\t{office}\t{phone}\n"
                for number, category, starts, ends, office, phone in rows
            )


def hashed(message: hmac.HMAC, number: str) -> str:
    """The lookup hash."""
    message.update(number.encode())
    return message.hexdigest()[:32]


def main(url: str, path: str, key: str, batch: str) -> None:
    """Everything in one transaction."""
    statement = f"COPY floor ({COLUMNS}) FROM STDIN"
    with psycopg.connect(url) as connection, connection.cursor() as cursor, cursor.copy(statement) as copy:
        for block in blocks(path, key.encode(), batch):
            copy.write(block)


if __name__ == "__main__":
    main(*sys.argv[1:])
