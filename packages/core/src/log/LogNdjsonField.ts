/** The fields of a line's JSON object that are made once in a while. */

/** A timestamp in UTC with nine decimals, from one with any zone and any number of them; one that is no date stays as it is. */
export const utcStamp = (stamp: string): string => {
  const match = /^(.{19})(?:\.(\d+))?(.+)$/.exec(stamp)
  const ms = match === null ? Number.NaN : Date.parse(`${match[1]}${match[3]}`)
  if (match === null || Number.isNaN(ms)) return stamp
  return `${new Date(ms).toISOString().slice(0, 19)}.${(match[2] ?? "").padEnd(9, "0")}Z`
}

/** Docker's details, `k=v,k2=v2` with both sides as in a query. */
export const decodeDetails = (details: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    details
      .split(",")
      .filter((pair) => pair !== "")
      .map((pair) => {
        const equals = pair.indexOf("=")
        return equals < 0 ? [unescape(pair), ""] : [unescape(pair.slice(0, equals)), unescape(pair.slice(equals + 1))]
      }),
  )

const unescape = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll("+", " "))
  } catch {
    return text
  }
}
