// Writes the countries' names that reports by e-mail show, a line each: code, English, Japanese. They are those of the Unicode CLDR, as
// Node.js carries it and as browsers show them on the page.
//   node scripts/country-names.mjs > crates/dashboard/src/places/countries.tsv

const names = ["en", "ja"].map((language) => new Intl.DisplayNames([language], { type: "region", fallback: "none" }));
// Not of a country: unions, and what stands for unknown or for tests.
const NONE = new Set(["EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"]);
const letters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];
for (const code of letters.flatMap((first) => letters.map((second) => first + second))) {
  const told = names.map((name) => name.of(code));
  // A code that was given up is another one's name.
  const isOld = new Intl.Locale(`und-${code}`).region !== code;
  if (told.every((name) => name !== undefined) && !isOld && !NONE.has(code)) console.log([code, ...told].join("\t"));
}
