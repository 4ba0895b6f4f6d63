/** What the user API answers when it cannot: one shape, `{"error":{"code","message",…facts}}`, for every status. */
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import { ParseResult, Schema } from "effect"

/** Each code and the status it travels with; a code never changes its meaning. */
const STATUS = {
  "bad-parameter": 400,
  unauthorized: 401,
  forbidden: 403,
  "no-such-route": 404,
  "no-such-container": 404,
  "method-not-allowed": 405,
  ambiguous: 409,
  "too-many-streams": 429,
  "source-busy": 429,
  "rate-limited": 429,
  internal: 500,
  "logs-unsupported": 501,
  "source-offline": 503,
  "source-loading": 503,
  "engine-unavailable": 503,
  "engine-error": 503,
  "source-error": 503,
  "not-ready": 503,
  "source-silent": 504,
} as const

/** What an answer that is an error names itself; each code has one status. */
export type ApiErrorCode = keyof typeof STATUS
/** The HTTP statuses that errors travel with. */
export type ApiErrorStatus = (typeof STATUS)[ApiErrorCode]

const CODES = Object.keys(STATUS) as ReadonlyArray<ApiErrorCode>

const details = {
  /** A sentence for a person: what happened, to what, and what to do next. */
  message: Schema.String,
  /** The query parameter, or header, that was bad. */
  parameter: Schema.optional(Schema.String),
  value: Schema.optional(Schema.String),
  /** What the parameter takes. */
  expected: Schema.optional(Schema.String),
  /** What an ambiguous reference may mean, as `source/name`; at most 20, all of them in the asker's scope. */
  candidates: Schema.optional(Schema.Array(Schema.String)),
  source: Schema.optional(Schema.String),
  /** When asking again makes sense; also in the `Retry-After` header. */
  retryAfterSeconds: Schema.optional(Schema.Int),
  /** The bound that was reached. */
  limit: Schema.optional(Schema.Int),
}

/** A request that was answered with an error, at the server and at the client alike. */
export class ApiError extends Schema.TaggedError<ApiError>()("ApiError", {
  code: Schema.Literal(...CODES),
  ...details,
}) {
  /** The HTTP status that goes with the code. */
  get status(): ApiErrorStatus {
    return STATUS[this.code]
  }
}

/** The body of an error with this status; encodes no error of another one. */
export const body = (status: ApiErrorStatus) =>
  envelope(CODES.filter((code) => STATUS[code] === status)).annotations(
    HttpApiSchema.annotations({ status, identifier: `Error${status}`, description: DESCRIPTION[status] }),
  )

/** What a status means in this API. */
export const describe = (status: ApiErrorStatus): string => DESCRIPTION[status]

const DESCRIPTION: Record<ApiErrorStatus, string> = {
  400: "A parameter means nothing; `parameter` names it and `expected` says what it takes.",
  401: "No token, or a bad one.",
  403: "The token is of the other role.",
  404: "No such container, or it is out of the token's scope.",
  405: "Only GET and HEAD are served.",
  409: "The reference is ambiguous; `candidates` lists what it may mean.",
  429: "A limit was reached: logs read at a time, which `limit` counts, requests a second, or bad tokens of one address.",
  500: "A fault of the proxy.",
  501: "The container's log driver cannot be read.",
  503: "The source, or its engine, is not there right now; `retryAfterSeconds` says when to ask again.",
  504: "The source did not answer in time.",
}

const envelope = (codes: ReadonlyArray<ApiErrorCode>) =>
  Schema.transformOrFail(
    Schema.Struct({ error: Schema.Struct({ code: Schema.Literal(...codes), ...details }) }),
    Schema.typeSchema(ApiError),
    {
      strict: true,
      decode: ({ error }) => ParseResult.succeed(new ApiError(error)),
      encode: (error, _, ast) =>
        codes.includes(error.code)
          ? ParseResult.succeed({ error })
          : ParseResult.fail(new ParseResult.Type(ast, error.code, "an error of another status")),
    },
  )

/** The body of any error. */
export const anyBody = envelope(CODES)
