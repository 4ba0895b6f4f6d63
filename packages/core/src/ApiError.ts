/** What the user API answers when it cannot: one shape, `{"error":{"code","message",…facts}}`, for every status. */
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
  internal: 500,
  "logs-unsupported": 501,
  "source-offline": 503,
  "source-loading": 503,
  "source-busy": 503,
  "engine-unavailable": 503,
  "engine-error": 503,
  "source-error": 503,
  "source-silent": 504,
} as const

export type ApiErrorCode = keyof typeof STATUS
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
export const body = (status: ApiErrorStatus) => envelope(CODES.filter((code) => STATUS[code] === status))

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
