// How numbers are written: with the digits that Python writes.
// Halves are rounded to even digits, as Python does; sixty digits show whether it is a half.
const fixed = (value, digits) => {
  const half = /^50*$/.test(Math.abs(value).toFixed(60).split(".")[1].slice(digits));
  return (half ? (2 * Math.round((value * 10 ** digits) / 2)) / 10 ** digits : value).toFixed(digits);
};
