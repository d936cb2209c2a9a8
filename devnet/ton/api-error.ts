/** What toncenter answers when it cannot serve: the code is that of the answer and of HTTP. */
export class ApiError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}
