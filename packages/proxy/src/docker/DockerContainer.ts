/** Containers in the shape of Docker's API: in lists from the inventory, by themselves from their source. */
import type { SourceContainer } from "@rdl/core/model/Container"
import * as ContainerInspection from "@rdl/core/model/ContainerInspection"

/** As `GET /containers/json` has it. What the inventory does not know is there and empty, since clients look into it. */
export const listed = (container: SourceContainer): string => {
  const { command, created, id, image, imageId, labels, names, ports, source, stale, state, status } = container
  return JSON.stringify({
    Id: id,
    Names: names.map((name) => `/${source}/${name}`),
    Image: image,
    ImageID: imageId,
    Command: command,
    Created: created,
    Ports: ports.map(({ ip, privatePort, publicPort, type }) => ({
      ...(ip === undefined ? {} : { IP: ip }),
      PrivatePort: privatePort,
      ...(publicPort === undefined ? {} : { PublicPort: publicPort }),
      Type: type,
    })),
    Labels: labels,
    State: state,
    Status: stale ? `${status} (source offline)` : status,
    HostConfig: { NetworkMode: "" },
    NetworkSettings: { Networks: {} },
    Mounts: [],
  })
}

/** As `GET /containers/{id}/json` has it. Commands, environments and mounts are never told: what is there of them is empty. */
export const inspected = (
  { name, source }: SourceContainer,
  told: ContainerInspection.ContainerInspection,
): unknown => {
  const alone = ContainerInspection.alone(told)
  return {
    ...alone,
    Name: `/${source}/${name}`,
    Path: "",
    Args: [],
    Mounts: [],
    Config: { ...alone.Config, Env: [], Cmd: [] },
    NetworkSettings: { ...alone.NetworkSettings, Networks: {} },
  }
}
