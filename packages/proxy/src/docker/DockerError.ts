/** Failures in Docker's words: `{"message"}`, with the statuses Docker's clients know. */
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import type { ApiError } from "@rdl/core/api/ApiError"
import { Schema } from "effect"

/** A request that Docker's own daemon would refuse in these words. */
export class DockerError extends Schema.TaggedError<DockerError>()("DockerError", {
  status: Schema.Int,
  message: Schema.String,
}) {}

/** A parameter that means nothing. */
export const badRequest = (message: string): DockerError => new DockerError({ status: 400, message })

/** What the router says, as the daemon would: `ref` is what was asked for. */
export const fromApiError = (error: ApiError, ref: string): DockerError => {
  switch (error.code) {
    case "no-such-container":
    case "bad-parameter":
      return error.code === "bad-parameter" && error.parameter !== "ref"
        ? badRequest(error.message)
        : new DockerError({ status: 404, message: `No such container: ${ref.slice(0, 300)}` })
    case "ambiguous":
      return badRequest(`Multiple IDs found with provided prefix: ${ref} (${(error.candidates ?? []).join(", ")})`)
    case "logs-unsupported":
      return new DockerError({ status: 501, message: "configured logging driver does not support reading" })
    default:
      return new DockerError({ status: error.status, message: error.message })
  }
}

/** The answer to a request that failed. */
export const toResponse = ({ message, status }: DockerError): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.unsafeJson({ message }, { status })

/** An answer of the user API's shape, such as the gate's, in Docker's; any other as it is. */
export const translate = (response: HttpServerResponse.HttpServerResponse): HttpServerResponse.HttpServerResponse => {
  if (response.status < 400 || response.body._tag !== "Uint8Array") return response
  try {
    const { error } = JSON.parse(Buffer.from(response.body.body).toString("utf8")) as { error?: { message?: unknown } }
    if (typeof error?.message !== "string") return response
    return HttpServerResponse.setBody(
      response,
      HttpServerResponse.unsafeJson({ message: `rdl: ${error.message}` }).body,
    )
  } catch {
    return response
  }
}
