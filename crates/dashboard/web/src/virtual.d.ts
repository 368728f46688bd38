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
