/** Whether a container's `uid:gid` is root, as user or as group, in any spelling. Without one it may be: Docker's own is root. Pure. */
export const isRoot = (user: string): boolean => /^0*(?::|$)|:0+$/.test(user);
