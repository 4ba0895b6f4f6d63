/** How a command fails: with one sentence for a person, and the exit code that goes with it. */
import { Schema } from "effect"

/** The command line, the environment or the config file asks for something that cannot be; exit code 2. */
export class UsageError extends Schema.TaggedError<UsageError>()("UsageError", { detail: Schema.String }) {
  override get message(): string {
    return this.detail
  }
}

/** Several of them, told together; exit code 2. */
export class UsageErrors extends Schema.TaggedError<UsageErrors>()("UsageErrors", {
  details: Schema.Array(Schema.String),
}) {
  override get message(): string {
    return `${this.details.length} settings cannot be used: ${this.details.join("; ")}`
  }
}

/** The command was right and did not succeed; exit code 1. The sentence says what to do. */
export class CommandFailed extends Schema.TaggedError<CommandFailed>()("CommandFailed", { detail: Schema.String }) {
  override get message(): string {
    return this.detail
  }
}

/** A program that ran in our place ended badly, and has said why; the exit code is its own. */
export class ChildEnded extends Schema.TaggedError<ChildEnded>()("ChildEnded", { code: Schema.Int }) {}

/** Nobody reads standard output any more, as with `| head`: the command ends quietly; exit code 0. */
export class OutputClosed extends Schema.TaggedError<OutputClosed>()("OutputClosed", {}) {}
