// Options by environment: `k6 run -e NAME=…`. One that makes no sense ends the run
// before it starts, and says which and why.

const env = __ENV;

// text reads an option as it is; one that is empty counts as not given.
export function text(name, otherwise) {
  return env[name] === undefined || env[name] === '' ? otherwise : env[name];
}

// number reads a number from least to most.
export function number(name, otherwise, least, most = Infinity) {
  const given = text(name);
  if (given === undefined) return otherwise;
  const value = Number(given);
  if (!(value >= least && value <= most)) {
    const range = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new Error(`${name} must be a number ${range}, not "${given}"`);
  }
  return value;
}

// count reads a whole number.
export function count(name, otherwise, least, most) {
  const value = number(name, otherwise, least, most);
  if (!Number.isInteger(value)) throw new Error(`${name} must be a whole number, not "${text(name)}"`);
  return value;
}

// seconds reads a time such as 90s, 5m or 1h30m.
export function seconds(name, otherwise, least) {
  const given = text(name, otherwise);
  const parts = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(given);
  const value = parts && given ? (Number(parts[1] || 0) * 60 + Number(parts[2] || 0)) * 60 + Number(parts[3] || 0) : NaN;
  if (!(value >= least)) throw new Error(`${name} must be a time of at least ${least}s, such as 90s or 1h30m, not "${given}"`);
  return value;
}

// addresses reads a comma-separated list of base URLs.
export function addresses(name, otherwise) {
  const list = text(name, otherwise).split(',').map((s) => s.trim().replace(/\/+$/, '')).filter(Boolean);
  const wrong = list.find((s) => !/^https?:\/\/[^/\s]+$/.test(s));
  if (list.length === 0 || wrong) throw new Error(`${name} must list addresses such as http://127.0.0.1:8080, not "${wrong || ''}"`);
  return list;
}

// needed ends the run when an option is not given.
export function needed(name, why) {
  if (text(name) === undefined) throw new Error(`${name} is needed: ${why}`);
  return text(name);
}
