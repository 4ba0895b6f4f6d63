/** A log that goes on where the last run of this program stopped: nothing but `fetch`, for any language to copy. */

/** An object of a log as the proxy writes it, one a line. */
export interface Entry {
  readonly line?: string
  /** Where to go on after this object. */
  readonly cursor?: string
  /** Lines before this are gone for good. */
  readonly gap?: { readonly reason: string }
  /** The log is over; where this did not come, it broke off. */
  readonly end?: { readonly reason: string }
}

/** Reads a log from behind the cursor on, or from its start; the caller keeps the last cursor that came. */
export async function* goOn(log: string, token: string, cursor?: string): AsyncGenerator<Entry> {
  const url = new URL(log)
  url.searchParams.set("format", "ndjson")
  url.searchParams.set("cursors", "1")
  if (cursor !== undefined) url.searchParams.set("resume", cursor)
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
  if (!response.ok || response.body === null) throw new Error(await response.text())
  let rest = ""
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) yield JSON.parse(line) as Entry
  }
}
