// What the build makes: see vite.config.js.

declare const __FLAGS__: string;

declare module "virtual:world" {
  const world: {
    width: number;
    height: number;
    /** By country code; "" is land that has none. */
    paths: Record<string, string>;
    /** Where a country is too small to be seen. */
    dots: Record<string, [number, number]>;
  };
  export default world;
}

declare module "virtual:regions" {
  /** By ISO 3166-2 code: where on the world of `virtual:world`. */
  const regions: Record<string, [number, number]>;
  export default regions;
}

declare module "virtual:region-names" {
  /** By ISO 3166-2 code: what it is called in English. */
  const names: Record<string, string>;
  export default names;
}

declare module "virtual:towns" {
  /** By country code and folded name. */
  const towns: Record<string, Record<string, [number, number]>>;
  export default towns;
}
