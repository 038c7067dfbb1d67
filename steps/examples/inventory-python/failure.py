"""Why a task failed, in the two words that a Lambda function has for it."""


class Failure(Exception):
    def __init__(self, error_type: str, message: str):
        super().__init__(message)
        self.error_type = error_type
        self.message = message
