/** The settings of who may do what, how much of it, and what is kept back or put down. */
import * as LogRedaction from "@rdl/core/log/LogRedaction"
import * as ClientAddress from "@rdl/proxy/ClientAddress"
import { Either } from "effect"
import * as ListSetting from "./ListSetting.ts"
import * as Setting from "./Setting.ts"

const file = (name: "tls-client-ca" | "audit", description: string) =>
  Setting.withDefault(name, { value: "FILE", description, parse: Setting.text }, () => undefined)

/** Characters of a container's name, and of a pattern over names. */
const glob = (text: string): Either.Either<string, string> =>
  /^[\w.*?-]{1,255}$/.test(text) ? Either.right(text) : Either.left("is no pattern of names, such as web-*")

const rate = (name: "user-rate" | "user-bandwidth" | "source-bandwidth", value: string, description: string) =>
  Setting.withDefault(
    name,
    {
      value,
      description: `${description}; default no limit`,
      parse: (text) =>
        /^[1-9]\d{0,11}$/.test(text) ? Either.right(Number(text)) : Either.left("is no whole number from 1 on"),
    },
    () => Infinity,
  )

/** Of a proxy. */
export const proxy = {
  clientCa: file("tls-client-ca", "Authorities of client certificates: every user and source must show one; PEM"),
  trusted: ListSetting.make("trust-proxy", {
    value: "NETWORK",
    description: "A web server in front whose X-Forwarded-For is believed, such as 10.0.0.0/8",
    parse: (text) =>
      Either.map(
        Either.mapLeft(ClientAddress.parseTrusted([text]), () => NO_NETWORK),
        () => text,
      ),
    ...ListSetting.BY_COMMAS,
  }),
  audit: file("audit", "Where to put down each request, a line of JSON each; - is standard error; default nowhere"),
  userRate: rate("user-rate", "NUMBER", "Requests a second of one user"),
  userBandwidth: rate("user-bandwidth", "BYTES", "Bytes of logs a second that one user gets"),
  sourceBandwidth: rate("source-bandwidth", "BYTES", "Bytes of logs a second that are read of one source"),
}

const NO_NETWORK = "is no network such as 10.0.0.0/8 or fd00::/8"

/** Of a source: what never leaves its host. */
export const source = {
  allow: ListSetting.make("allow", {
    value: "NAME",
    description: "Containers to share, by name or pattern such as web-*; default all",
    parse: glob,
    ...ListSetting.BY_COMMAS,
  }),
  deny: ListSetting.make("deny", {
    value: "NAME",
    description: "Containers to keep to this host, whatever else allows them; so does their label rdl.enable=false",
    parse: glob,
    ...ListSetting.BY_COMMAS,
  }),
  redact: ListSetting.make("redact", {
    value: "PATTERN",
    description: "A regular expression (RE2) whose matches leave this host as [redacted], in every format",
    parse: (text) => Either.map(LogRedaction.compileOne(text), () => text),
    ...ListSetting.BY_LINES,
  }),
}
