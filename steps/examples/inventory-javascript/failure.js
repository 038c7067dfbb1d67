// Why a task failed, in the two words that a Lambda function has for it.

export class Failure extends Error {
    constructor(errorType, message) {
        super(message);
        this.errorType = errorType;
    }
}
