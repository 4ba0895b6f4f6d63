/** How a question to the engine fails, once an engine answers at all. */
import { Either, Schema } from "effect"
import { ContainerId } from "@rdl/core/model/Container"
import type { EngineUnavailable } from "./EngineAddress.ts"

/** The engine answered, but not with what was asked for. */
export class EngineError extends Schema.TaggedError<EngineError>()("EngineError", {
  status: Schema.Int,
  detail: Schema.String,
}) {
  override get message(): string {
    return `the container engine answered ${this.status}: ${this.detail}`
  }
}

/** The engine has no such container, or has it no more. */
export class ContainerNotFound extends Schema.TaggedError<ContainerNotFound>()("ContainerNotFound", {
  id: Schema.String,
}) {
  override get message(): string {
    return `no such container: ${this.id}`
  }
}

/** The container's log goes where the engine cannot read it back. */
export class LogsUnsupported extends Schema.TaggedError<LogsUnsupported>()("LogsUnsupported", {
  id: ContainerId,
  detail: Schema.String,
}) {
  override get message(): string {
    return `the log of ${this.id.slice(0, 12)} cannot be read: ${this.detail}`
  }
}

/** What can go wrong with any question. */
export type EngineProblem = EngineUnavailable | EngineError

/** Reads the engine's own words out of an answer that is not 200. */
export const fromAnswer = (status: number, body: string): EngineError =>
  new EngineError({
    status,
    detail: Either.match(decodeMessage(body), {
      onLeft: () => body.slice(0, 200).trim(),
      onRight: ({ message }) => message.slice(0, 1000),
    }),
  })

const decodeMessage = Schema.decodeUnknownEither(Schema.parseJson(Schema.Struct({ message: Schema.String })))
