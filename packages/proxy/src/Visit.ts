/** What is learned of one request while it is served, by those who each know a part of it. */
import type { SourceContainer } from "@rdl/core/model/Container"
import type { IncomingMessage } from "node:http"

export interface Visit {
  /** Of the client, as far as it can be believed. */
  readonly address: string
  readonly date: Date
  /** On the clock of `performance.now()`. */
  readonly began: number
  /** Whose logs were opened; the first `MAX_CONTAINERS` of them. */
  readonly containers: Array<Pick<SourceContainer, "source" | "name" | "id">>
  /** Of logs, as the user's socket took them. */
  bytes: number
  /** A log of it did not end well, by no doing of the user. */
  broken: boolean
}

export const MAX_CONTAINERS = 16

const visits = new WeakMap<object, Visit>()

/** From now on the request's visit is known. */
export const begin = (request: IncomingMessage, address: string): Visit => {
  const visit: Visit = {
    address,
    date: new Date(),
    began: performance.now(),
    containers: [],
    bytes: 0,
    broken: false,
  }
  visits.set(request, visit)
  return visit
}

/** Milliseconds since it began. */
export const age = ({ began }: Visit): number => performance.now() - began

/** The visit of a request, or of the user whom the gate made of one; undefined where nobody keeps account. */
export const of = (key: object): Visit | undefined => visits.get(key)

/** Makes the request's visit known under another object of its own as well. */
export const share = (request: IncomingMessage, key: object): void => {
  const visit = visits.get(request)
  if (visit !== undefined) visits.set(key, visit)
}
