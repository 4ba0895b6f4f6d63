/** TLS of whoever asks or dials a proxy: the authorities that vouch for it, and the certificate that is shown to it. */
import { Effect, Redacted } from "effect"
import { X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import { createSecureContext } from "node:tls"
import { reasonOf } from "./ConfigFile.ts"
import { UsageError } from "./Failure.ts"
import * as Setting from "./Setting.ts"

const file = (name: "tls-ca" | "tls-client-cert" | "tls-client-key", description: string) =>
  Setting.withDefault(name, { value: "FILE", description, parse: Setting.text }, () => undefined)

/** The certificate to show alone. */
export const clientSettings = {
  tlsClientCert: file("tls-client-cert", "The certificate to show to a proxy that asks for one; PEM; default none"),
  tlsClientKey: file("tls-client-key", "That certificate's private key; PEM"),
}

/** What every command that asks or dials a proxy takes. */
export const settings = {
  tlsCa: file("tls-ca", "The authorities to trust for the proxy, and no others; PEM; default Node's own"),
  ...clientSettings,
}

export interface ClientPaths {
  readonly tlsClientCert: string | undefined
  readonly tlsClientKey: string | undefined
}

export interface Paths extends ClientPaths {
  readonly tlsCa: string | undefined
}

/** A certificate and its key, PEM texts. */
export interface Certificate {
  readonly cert: string
  readonly key: Redacted.Redacted
}

export interface ProxyTls {
  /** Undefined = Node's own. */
  readonly ca: string | undefined
  /** Reads the certificate anew, since it may be renewed while the program runs; a bad one leaves the one before. */
  readonly certificate: (() => Certificate) | undefined
}

/** Reads the files, and fails where one is of no use: TLS itself takes any text, and then trusts nobody without a word. */
export const read = Effect.fn("ProxyTls.read")(function* (paths: Paths) {
  const ca = paths.tlsCa === undefined ? undefined : yield* attempt("--tls-ca", paths.tlsCa, () => pemOf(paths.tlsCa!))
  return { ca, certificate: yield* certificateOf(paths) } satisfies ProxyTls
})

/** The certificate alone; undefined where there is none to show. */
export const certificateOf = Effect.fnUntraced(function* ({ tlsClientCert, tlsClientKey }: ClientPaths) {
  if (tlsClientCert === undefined && tlsClientKey === undefined) return undefined
  if (tlsClientCert === undefined || tlsClientKey === undefined)
    return yield* new UsageError({
      detail: "--tls-client-cert and --tls-client-key go together; give both, or neither",
    })
  const readPair = () => pairOf(tlsClientCert, tlsClientKey)
  let last = yield* attempt("--tls-client-cert, --tls-client-key", tlsClientCert, readPair)
  return (): Certificate => {
    try {
      last = readPair()
    } catch {
      // Half written, or gone: whoever renews it will be done soon.
    }
    return last
  }
})

/** What is heard where a certificate was not shown, or is one that the other end takes from nobody: its words, where they come before it cuts the connection. */
export const REFUSED =
  /alert (?:certificate required|unknown ca|bad certificate)|alert number (?:42|48|116)\b|ECONNRESET|EPIPE|socket hang up/i

const pemOf = (path: string): string => {
  const pem = readFileSync(path, "utf8")
  if (new X509Certificate(pem).subject === undefined) throw new Error("it is nobody's certificate")
  return pem
}

const pairOf = (certPath: string, keyPath: string): Certificate => {
  const pair = { cert: pemOf(certPath), key: readFileSync(keyPath, "utf8") }
  createSecureContext(pair)
  return { cert: pair.cert, key: Redacted.make(pair.key) }
}

const attempt = <A>(flag: string, path: string, run: () => A): Effect.Effect<A, UsageError> =>
  Effect.try({
    try: run,
    catch: (cause) => new UsageError({ detail: `${flag}: cannot use ${JSON.stringify(path)}: ${reasonOf(cause)}` }),
  })
