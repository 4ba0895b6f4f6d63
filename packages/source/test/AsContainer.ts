/** A container of a test as the inventory would have it. */
import { type Container, ContainerId, ContainerName } from "@rdl/core/model/Container"

export const asContainer = ({ id, name }: { readonly id: string; readonly name: string }): Container => ({
  id: ContainerId.make(id),
  name: ContainerName.make(name),
  names: [ContainerName.make(name)],
  image: "",
  imageId: "",
  command: "",
  created: 0,
  state: "",
  status: "",
  labels: {},
  ports: [],
})
