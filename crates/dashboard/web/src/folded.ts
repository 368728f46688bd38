// How names of towns are compared, when they are written into the map and when they are looked for: without marks and capitals.

export const folded = (name: string) => name.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
