"""Who can take new settings is asked, and who refuses keeps nobody else from taking theirs."""

from gateway.errors import ConfigError
from gateway.runtime.reload import Reloads


def refusing(why: str):
    def take() -> None:
        raise ConfigError(why)

    return take


def test_everybody_is_asked_in_the_order_they_came() -> None:
    reloads, asked = Reloads(), []
    reloads.listen("the policy", lambda: asked.append("policy"))
    reloads.listen("the tokens", lambda: asked.append("tokens"))
    assert reloads.reload(5.0)
    assert asked == ["policy", "tokens"]
    assert (reloads.successful, reloads.taken_at, reloads.trouble) == (True, 5.0, None)


def test_one_refusal_is_told_by_name_and_the_others_take_theirs() -> None:
    reloads, asked = Reloads(), []
    reloads.begin(1.0)
    reloads.listen("the policy", refusing("It has a typing error in it."))
    reloads.listen("the tokens", lambda: asked.append("tokens"))
    assert not reloads.reload(5.0)
    assert asked == ["tokens"]
    assert (reloads.successful, reloads.taken_at) == (False, 1.0)
    sentence, remedy = reloads.trouble
    assert "the policy: It has a typing error in it." in sentence
    assert "reload" in remedy


def test_the_next_reload_that_is_taken_ends_the_trouble() -> None:
    reloads = Reloads()
    reloads.listen("the policy", refusing("No."))
    reloads.reload(5.0)
    reloads.listen("the policy", lambda: None)
    assert reloads.reload(6.0)
    assert (reloads.trouble, reloads.taken_at) == (None, 6.0)


def test_who_takes_its_settings_after_all_ends_its_part_of_the_trouble() -> None:
    reloads = Reloads()
    reloads.listen("the policy", refusing("No."))
    reloads.listen("the tokens", refusing("Nor I."))
    reloads.reload(5.0)
    reloads.taken_after_all("the policy", 6.0)
    assert (reloads.successful, reloads.taken_at) == (False, None)
    assert "the policy" not in reloads.trouble[0]
    reloads.taken_after_all("the tokens", 7.0)
    assert (reloads.successful, reloads.taken_at, reloads.trouble) == (True, 7.0, None)
    reloads.taken_after_all("the tokens", 8.0)
    assert reloads.taken_at == 7.0
