/** What a server shows of itself on TLS, and whom it lets in there. */
import { Effect, Redacted, Schema, type Stream } from "effect"
import { X509Certificate } from "node:crypto"
import { createSecureContext, type SecureContextOptions } from "node:tls"

/** PEM texts. */
export interface Pems {
  /** The certificate, and those between it and its authority. */
  readonly cert: string
  readonly key: Redacted.Redacted
  /** Authorities of client certificates: with them every client must show one, sources too. */
  readonly clientCa?: string | undefined
}

/** A certificate that may be renewed while the server runs: connections that are open keep the one they began with. */
export interface Terms extends Pems {
  readonly renewals?: Stream.Stream<Pems>
}

/** The certificate, its key or the authorities cannot be used; holds nothing of the key. */
export class BadCertificate extends Schema.TaggedError<BadCertificate>()("BadCertificate", { detail: Schema.String }) {
  override get message(): string {
    return `the certificate or its key cannot be used: ${this.detail}`
  }
}

/** For Node's TLS; nothing below TLS 1.2. */
export const contextOf = ({ cert, clientCa, key }: Pems): SecureContextOptions => ({
  cert,
  key: Redacted.value(key),
  minVersion: "TLSv1.2",
  ...(clientCa === undefined ? {} : { ca: clientCa }),
})

/** Fails where the parts do not belong together, or are no PEM. */
export const check = (pems: Pems): Effect.Effect<Pems, BadCertificate> =>
  Effect.try({
    try: () => {
      createSecureContext(contextOf(pems))
      // A context takes no text for a certificate, and any text for authorities; then it has none.
      if (new X509Certificate(pems.cert).subject === undefined) throw new Error("the certificate is nobody's")
      const authority = pems.clientCa === undefined ? undefined : new X509Certificate(pems.clientCa)
      if (authority?.ca === false) throw new Error("the client authorities are no authorities' certificates")
      return pems
    },
    catch: (error) => new BadCertificate({ detail: error instanceof Error ? error.message : "it is no PEM" }),
  })

/** Days until the certificate ends; negative where it has ended. */
export const daysLeft = ({ cert }: Pems, nowMs: number): number =>
  (Date.parse(new X509Certificate(cert).validTo) - nowMs) / 86_400_000
