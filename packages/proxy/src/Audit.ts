/** Who asked what, and what came of it: one entry a request, without token, query or anything a container wrote. */

export interface Entry {
  /** When the request came, RFC 3339. */
  readonly time: string
  /** Of the client, as far as it can be believed. */
  readonly address: string
  /** `user` or `source` by its token, with the token's id; absent where there was no token with a good signature. */
  readonly role?: string
  readonly subject?: string
  readonly token?: string
  readonly method: string
  /** The path as it was asked for, without its query; 300 characters at most. */
  readonly path: string
  /** Whose logs it opened, as `source/name` with the id: the first 16. */
  readonly containers?: ReadonlyArray<{ readonly container: string; readonly id: string }>
  /** 0 = the client left before there was an answer. */
  readonly status: number
  /** Of the log, as the user's socket took them; absent for other answers. */
  readonly bytes?: number
  readonly milliseconds: number
  /** `whole` = answered to the end, `broken` = a log of it was, `left` = the client went away. */
  readonly outcome: "whole" | "broken" | "left"
}

/** Where entries go; must not throw, and does not wait. */
export type Sink = (entry: Entry) => void

const MAX_PATH = 300

/** A request's path fit for a log: no query, which may hold secrets and patterns, and no control characters. */
export const pathOf = (target: string): string =>
  (target.split(/[?#]/, 1)[0] ?? "").replaceAll(/\p{C}/gu, "").slice(0, MAX_PATH)

/** An entry as one line of JSON. */
export const line = (entry: Entry): string => `${JSON.stringify(entry)}\n`
