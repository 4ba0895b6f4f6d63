/** The ways in which a source can read logs, the best one first: `files` = the engine's own files, `engine` = its API. */
import { Schema } from "effect"

/** Words of up to 32 small letters, 8 at most: newer sources may know other ways. */
export const LogReaders = Schema.Array(Schema.String.pipe(Schema.pattern(/^[a-z-]{1,32}$/))).pipe(Schema.maxItems(8))
