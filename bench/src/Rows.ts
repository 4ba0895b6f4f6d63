/** All rows, in the order of the table. */
import type { Row } from "./Row.ts"
import * as FilesHistory from "./rows/FilesHistory.ts"
import * as FilesRead from "./rows/FilesRead.ts"
import * as FollowLatency from "./rows/FollowLatency.ts"
import * as Grep from "./rows/Grep.ts"
import * as History from "./rows/History.ts"
import * as IdleLinks from "./rows/IdleLinks.ts"
import * as Latency from "./rows/Latency.ts"
import * as List from "./rows/List.ts"
import * as Reconnect from "./rows/Reconnect.ts"
import * as Relay from "./rows/Relay.ts"
import * as Rendering from "./rows/Rendering.ts"
import * as Seek from "./rows/Seek.ts"
import * as Stalled from "./rows/Stalled.ts"

export const rows: ReadonlyArray<Row> = [
  History.row,
  FilesHistory.row,
  FilesRead.row,
  Grep.row,
  Seek.row,
  FollowLatency.row,
  Relay.row,
  Rendering.row,
  Latency.row,
  Stalled.row,
  IdleLinks.row,
  Reconnect.row,
  List.row,
]
