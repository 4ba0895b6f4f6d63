/** What a route makes of a request: a whole answer, or one that streams. */
import type { ApiError } from "./ApiError.ts"
import { chunk } from "./LogEncoding.ts"
import { engineHeaders, type Flavour } from "./Flavour.ts"
import type { Outlet } from "./Outlet.ts"

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Writes the body, after the headers have left; ends the outlet. */
  readonly body: (outlet: Outlet) => Promise<void>
  /** True for answers that last: they count as open streams. */
  readonly stream: boolean
}

/** Go's server gives shorter answers a length and sends longer ones in chunks. */
const LENGTH_KNOWN_TO = 2048

export const wholeAnswer = (
  status: number,
  headers: Readonly<Record<string, string>>,
  content: string | Uint8Array,
  options: { readonly headersOnly?: boolean } = {},
): Answer => {
  const bytes = Buffer.from(content)
  const lengthKnown = bytes.length <= LENGTH_KNOWN_TO
  return {
    status,
    headers: lengthKnown ? { ...headers, "Content-Length": String(bytes.length) } : headers,
    stream: false,
    body: async (outlet) => {
      const sent =
        options.headersOnly === true || bytes.length === 0 || (await outlet.write(lengthKnown ? bytes : chunk(bytes)))
      if (sent) outlet.end()
    },
  }
}

export const jsonAnswer = (flavour: Flavour, value: unknown): Answer =>
  wholeAnswer(200, { ...engineHeaders(flavour), "Content-Type": "application/json" }, JSON.stringify(value) + "\n")

/** An error in the flavour's JSON. */
export const errorAnswer = (flavour: Flavour, headers: Readonly<Record<string, string>>, error: ApiError): Answer => {
  if (error.plainText)
    return wholeAnswer(
      error.status,
      { ...headers, "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" },
      error.message + "\n",
    )
  const body =
    flavour.kind === "podman"
      ? { cause: error.podmanCause, message: error.message, response: error.status }
      : { message: error.message }
  return wholeAnswer(error.status, { ...headers, "Content-Type": "application/json" }, JSON.stringify(body) + "\n")
}
