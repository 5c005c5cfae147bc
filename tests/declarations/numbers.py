"""Valid numbers and form data that tests declare with."""

from stdnum.cn import ric

FORM = {
    "version": "1",
    "phone": "13800000001",
    "name": "张三丰",
    "document_kind": "01",
    "document_number": "210102199001010015",
    "sex": "1",
    "birth_date": "1990-01-01",
    "province": "210000",
    "county": "210102",
    "address": "中山路1号",
    "travel": "no",
    "contact": "no",
    "temperature": "no",
    "other_symptoms": "",
    "affirmation": "on",
}


def resident_number(serial: int, *, county: str = "210102", born: str = "19900101") -> str:
    """A valid resident ID number; odd serials (1-999) are men."""
    number = f"{county}{born}{serial:03}"
    return number + ric.calc_check_digit(number + "0")
