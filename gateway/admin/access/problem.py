"""Why somebody is not let in, as the problems every answer of the API has (RFC 9457)."""

from http import HTTPStatus

from gateway.admin.problems import Problem, ProblemError


class AccessProblem(ProblemError):  # noqa: N818 -- it is the problem itself
    """A request that is answered with a problem.

    Args:
        status: of HTTP.
        code: for programs.
        detail: a sentence.
        hint: what to do.
        wait: seconds after which it may be tried again, 0 if that is not the point.

    """

    def __init__(self, status: int, code: str, detail: str, hint: str = "", wait: float = 0.0) -> None:
        headers = {"Retry-After": str(int(wait) + 1)} if wait > 0 else {}
        if status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        super().__init__(Problem(status, code, ""), detail, hint, headers)
        self.wait = wait
