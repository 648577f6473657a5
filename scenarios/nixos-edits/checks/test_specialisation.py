"""The system has its specialisation."""


def test_specialisation(host):
    travelling = "/run/current-system/specialisation/travel/etc/travelling"
    assert host.file(travelling).content_string == "yes\n"
