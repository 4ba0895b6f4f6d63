/** Every failure of a request as an answer: JSON of one shape, with the headers its status asks for. */
import { RouteNotFound } from "@effect/platform/HttpServerError"
import type { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { ApiError, body } from "@rdl/core/api/ApiError"
import type { BadParameter } from "@rdl/core/log/LogParameter"
import type { TokenRejected } from "@rdl/core/token/TokenVerifier"
import { Cause, Effect, Option, Schema } from "effect"
import * as Routes from "./Routes.ts"

/** The answer to a request that failed. */
export const make = (error: ApiError): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.unsafeJson(Schema.encodeSync(body(error.status))(error), {
    status: error.status,
    headers: {
      ...(error.status === 401 ? { "www-authenticate": "Bearer" } : {}),
      ...(error.status === 405 ? { allow: "GET, HEAD" } : {}),
      ...(error.retryAfterSeconds === undefined ? {} : { "retry-after": String(error.retryAfterSeconds) }),
    },
  })

/**
 * Answers whatever went wrong. What nobody foresaw is a fault of ours: it goes to the log, and the user learns
 * only that there was one. Interruption passes: there is nobody left to answer.
 */
export const fromCause = <E>(cause: Cause.Cause<E>): Effect.Effect<HttpServerResponse.HttpServerResponse, E> => {
  if (Cause.isInterruptedOnly(cause)) return Effect.failCause(cause)
  const error: unknown = Option.getOrUndefined(Cause.failureOption(cause))
  if (error instanceof ApiError) return Effect.succeed(make(error))
  if (error instanceof RouteNotFound) return Effect.succeed(make(notServed(error.request)))
  return Effect.as(Effect.logError("a request met a fault", cause), make(internal))
}

const notServed = ({ method, url }: HttpServerRequest): ApiError => {
  const path = Routes.pathOf(url)
  return method !== "GET" && method !== "HEAD" && Routes.has(path)
    ? new ApiError({
        code: "method-not-allowed",
        message: `${method} is not served here: everything is read-only, by GET`,
      })
    : new ApiError({
        code: "no-such-route",
        message: `nothing is served at ${path.slice(0, 200)}; GET /docs tells what is`,
      })
}

const internal = new ApiError({ code: "internal", message: "a fault of the proxy; its log says more" })

export const fromRejectedToken = (rejected: TokenRejected): ApiError =>
  rejected.reason === "unauthorized"
    ? new ApiError({
        code: "unauthorized",
        message: "missing or bad token; send a user's token as `Authorization: Bearer`",
      })
    : new ApiError({ code: "forbidden", message: "this token is a source's; ask with a user's token" })

/** The token is good, and not good for this. */
export const notEverything = new ApiError({
  code: "forbidden",
  message: "the metrics tell of every user and source; ask with a token that may see everything",
})

export const fromBadParameter = (bad: BadParameter): ApiError =>
  new ApiError({
    code: "bad-parameter",
    message: bad.message,
    parameter: bad.parameter,
    ...(bad.value === undefined ? {} : { value: bad.value }),
    expected: bad.expected,
  })
