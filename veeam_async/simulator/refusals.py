"""What the server refuses: an exception that becomes an error document."""


class RefusalError(Exception):
    """An answer that is an error, with Enterprise Manager's own wording."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
