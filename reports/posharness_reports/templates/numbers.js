// How numbers are written: with the digits that Python writes.
// Halves are rounded to even digits, as Python does; sixty digits show whether it is a half.
const fixed = (value, digits) => {
  const half = /^50*$/.test(Math.abs(value).toFixed(60).split(".")[1]?.slice(digits));
  return (half ? (2 * Math.round((value * 10 ** digits) / 2)) / 10 ** digits : value).toFixed(digits);
};
// A number with its first digit alone: "0.0003", "3e-05".
const firstDigit = (value) => {
  const digit = Number(value.toPrecision(1));
  return Math.abs(digit) < 1e-4 ? digit.toExponential(0).replace(/e-(\d)$/, "e-0$1") : String(digit);
};
