/** An answer that is not 200: what the engine says, in its own words. */

/** Thrown by whatever looks at a request; the router writes it in the flavour's JSON. */
export class ApiError extends Error {
  readonly status: number
  /** Podman's `cause`: the last part of the message. */
  readonly podmanCause: string
  /** One answer of Docker is text instead of JSON: that for a version too old. */
  readonly plainText: boolean

  constructor(
    status: number,
    message: string,
    options: { readonly cause?: string; readonly plainText?: boolean } = {},
  ) {
    super(message)
    this.status = status
    this.podmanCause = options.cause ?? message
    this.plainText = options.plainText ?? false
  }
}
