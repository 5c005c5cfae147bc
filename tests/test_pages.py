"""Pages that belong to no app: home, health of the service, errors."""

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from scanning import partitions
from tests import factories

SEED = {
    "/": [
        "辽事通健康通行码",
        "众志成城 抗击疫情",
        "生成健康通行码",
        "无需注册，一步完成认证",
        "扫描健康通行码",
        "地区互信共享，提高出行效率",
        "疫情上报",
        "自主申报，享受精准指导和服务。众志成城、共抗疫情",
        "代人填报",
        "为他人申报，享受精准指导和服务",
    ],
    "/declare/proxy/": ["为他人上报健康状况", "获取绑定手机号"],
    "/declare/": [
        "手机号码",
        "证件类型",
        "证件号码",
        "性别",
        "出生日期",
        "居住地址",
        "37.3℃以下",
        "37.3℃(含)以上",
        "发热",
        "干咳",
        "乏力",
        "其他症状",
        "请简要描述",
        "我已阅知本申报所列事项，并保证以上申报内容正确属实",
        "所有公民信息仅用于疫情防控需要，数据不作他用",
        "《用户服务协议》",
        "提交",
    ],
}


@pytest.mark.django_db
@pytest.mark.parametrize("path", SEED)
def test_chinese_pages_carry_the_official_labels_word_for_word(path):
    client = Client()
    if path != "/":
        client.force_login(factories.account(), backend="accounts.backends.OneTimeCodeBackend")
    html = client.get(path).content.decode()
    labels = [*SEED[path], *(SEED["/declare/"] if path == "/declare/proxy/" else ())]
    assert [label for label in labels if label not in html] == []


@pytest.mark.django_db
def test_home_leads_to_one_s_own_code(client):
    account = factories.account()
    factories.person(holder=account)
    client.force_login(account, backend="accounts.backends.OneTimeCodeBackend")
    html = client.get("/").content.decode()
    assert "My health pass code" in html
    assert "张**" in html


@pytest.mark.django_db
def test_healthz_is_well_with_tomorrow_s_partition(client):
    assert client.get("/healthz").json() == {"database": "ok", "partition": "ok"}


@pytest.mark.django_db
def test_healthz_fails_without_tomorrow_s_partition(client):
    tomorrow = timezone.localdate() + timedelta(days=1)
    if connection.vendor == "postgresql":  # SQLite has no partitions to miss
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE {partitions.partition_name(tomorrow)}")
    response = client.get("/healthz")
    missing = {"database": "ok", "partition": f"missing for {tomorrow}"}
    present = {"database": "ok", "partition": "ok"}
    expected = (503, missing) if connection.vendor == "postgresql" else (200, present)
    assert (response.status_code, response.json()) == expected


class Gone:
    """A database that cannot be reached: every statement fails."""

    def __call__(self, execute, sql, params, many, context):
        raise OperationalError("gone")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/code/00112233445566ff/", "/code/00112233445566ff/token", "/code/"])
def test_without_the_database_pages_answer_503_and_come_back(path):
    client = Client(raise_request_exception=False)
    client.force_login(factories.account(), backend="accounts.backends.OneTimeCodeBackend")
    with connection.execute_wrapper(Gone()):
        response = client.get(path)
    assert response.status_code == 503
    if path != "/healthz":
        assert "服务暂时不可用" in response.content.decode()
    assert client.get(path).status_code != 503


def test_missing_page_has_a_way_back(client):
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert 'href="/"' in response.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/code/", "/declare/", "/declare/proxy/", "/people/", "/scan/", "/login/"])
def test_personal_pages_are_kept_by_no_cache(client, path):
    account = factories.account()
    factories.person(holder=account)
    client.force_login(account, backend="accounts.backends.OneTimeCodeBackend")
    assert "no-store" in client.get(path).headers["Cache-Control"]


@pytest.mark.parametrize(("language", "heading"), [("en", "This could not be read"), ("zh-CN", "内容无法读取")])
def test_request_that_cannot_be_read_gets_a_page_in_the_user_s_language(language, heading):
    body = b"next=" + b"x" * 2_000_000
    form = "application/x-www-form-urlencoded"
    response = Client(headers={"accept-language": language}).post("/i18n/setlang/", body, content_type=form)
    assert response.status_code == 400
    assert f"<h1>{heading}</h1>" in response.text
