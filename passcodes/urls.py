"""Addresses of the code page; the renewal is in `healthpass.hot_urls`."""

from django.urls import path, re_path

from passcodes import (
    api,
    appeal_views,
    document_check_views,
    face_views,
    history_views,
    people_views,
    place_views,
    views,
)

app_name = "passcodes"
urlpatterns = [
    path("code/", views.own, name="own"),
    path("code/appeal/", views.own_appeal, name="own_appeal"),
    path("code/offline/", views.offline, name="offline"),
    re_path(r"^code/(?P<pass_id>[0-9a-f]{16})/$", views.code, name="code"),
    re_path(r"^code/(?P<pass_id>[0-9a-f]{16})/history/$", history_views.history, name="history"),
    re_path(r"^code/(?P<pass_id>[0-9a-f]{16})/outlook/$", history_views.outlook_page, name="outlook"),
    re_path(r"^code/(?P<pass_id>[0-9a-f]{16})/places/$", place_views.page, name="places"),
    re_path(r"^code/(?P<pass_id>[0-9a-f]{16})/appeal/$", appeal_views.appeal, name="appeal"),
    *(
        re_path(rf"^code/(?P<pass_id>[0-9a-f]{{16}})/appeal/(?P<receipt>[0-9A-Z-]{{9}})/{below}$", view, name=name)
        for below, view, name in [
            ("", appeal_views.appealed, "appealed"),
            ("again/", appeal_views.again, "appeal_again"),
            ("withdraw/", appeal_views.withdraw, "withdraw_appeal"),
        ]
    ),
    path("offices/", appeal_views.offices, name="offices"),
    path("people/", people_views.people, name="people"),
    path("people/<int:proxy_id>/", people_views.relative, name="relative"),
    path("people/<int:proxy_id>/end/", people_views.end, name="end_proxy"),
    path("people/<int:proxy_id>/agree/", people_views.agree, name="agree"),
    path("api/v1/risk/", api.push_risk, name="push_risk"),
    path(".well-known/health-pass/keys.json", views.key_set, name="key_set"),
    # Checks by a person
    re_path(r"^face/(?P<pass_id>[0-9a-f]{16})/ask/$", document_check_views.ask_person, name="ask_person"),
    re_path(
        r"^face/(?P<pass_id>[0-9a-f]{16})/ask/withdraw/$",
        document_check_views.withdraw,
        name="withdraw_document_check",
    ),
    # The face check
    path("face/link/<str:token>/", face_views.face_link, name="face_link"),
    *(
        re_path(rf"^face/(?P<pass_id>[0-9a-f]{{16}})/{below}$", view, name=name)
        for below, view, name in [
            ("", face_views.face, "face"),
            ("state/", face_views.state, "face_state"),
            ("consent/", face_views.consent, "face_consent"),
            ("photo/", face_views.photo, "face_photo"),
            ("aim/", face_views.aim, "face_aim"),
            ("challenge/", face_views.challenge, "face_challenge"),
            ("frames/", face_views.frames, "face_frames"),
            ("withdraw/", face_views.withdraw, "face_withdraw"),
            ("link/", face_views.link, "face_new_link"),
        ]
    ),
]
