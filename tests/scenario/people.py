"""Several people: accounts that a ceo makes, and what they ask for."""

from client import PASSWORD, USERNAME, Client

OTHER = "a different horse entirely"
WRONG = "not the right horse at all"
SESSION_REVOKED = (401, 1002)
UNAUTHORIZED = (401, 1000)
FORBIDDEN = (403, 1001)


class Person(Client):
    """A client with a name of its own."""

    name = USERNAME
    password = PASSWORD
    id = None

    def enter(self, path, **extra):
        extra = {"username": self.name, "password": self.password, **extra}
        return super().enter(path, **extra)

    def twin(self):
        other = super().twin()
        other.name, other.password, other.id = self.name, self.password, self.id
        return other

    def again(self):
        """The same person, logged in once more."""
        other = Person(self.server)
        other.name, other.password, other.id = self.name, self.password, self.id
        assert other.login().status == 200
        return other


def hire(ceo, name, role="observer", password=PASSWORD, login=True, **extra):
    made = ceo.post(
        "users",
        {
            "username": name,
            "role": role,
            "password": password,
            "must_change_password": False,
            **extra,
        },
    )
    assert made.status == 201, made.body
    person = Person(ceo.server)
    person.name, person.password, person.id = name, password, made.data["id"]
    if login:
        assert person.login().status == 200
    return person


def patch(client, path, body):
    return client.request("PATCH", path, body)


def session_ids(client, query=""):
    return [s["session_id"] for s in client.get(f"auth/sessions{query}").data]


def audit(ceo, **filters):
    query = "&".join(f"{k}={v}" for k, v in filters.items())
    return ceo.get(f"audit?{query}").data["entries"]


def without_instance(answer):
    body = answer.json
    body["error_detail"].pop("instance")
    return answer.status, body


def make_key(person, name="ci", **more):
    made = person.post("auth/api-keys", {"name": name, **more})
    assert made.status == 201, made.body
    return made.data
