-- The opening of every other script of this folder: names for the keys of one
-- show's room, the time, and the test that Redis still is where we left it.
--
-- KEYS[1]  room       hash: rules in force, phase, epoch, version, issued, head, totals
-- KEYS[2]  waiting    sorted set: visitor -> number; the order of the line
-- KEYS[3]  present    bitmap: bit n: the holder of number n waits and is there
-- KEYS[4]  active     sorted set: visitor -> deadline (us); admitted and inside
-- KEYS[5]  called     hash: visitor -> "number:misses:session_until:max_until" of everybody
--                     who was called and is active, away, or back in the line
-- KEYS[6]  away       sorted set: visitor -> until when they may come back (us)
-- KEYS[7]  finished   bitmap: bit n: number n is done (bought or left)
-- KEYS[8]  restored   bitmap: bit n: number n was put back once in this epoch
-- KEYS[9]  admissions list: one row an admission, until MySQL has it
-- KEYS[10] waits      hash: how long admitted visitors had waited, by bucket
-- KEYS[11..13] seen   bitmaps: bit n: number n was heard of in a window; they take turns
-- KEYS[14] scratch    string: used within one call only
-- ARGV[1]  epoch that the caller knows
-- ARGV[2]  highest version of that epoch that the caller was ever told
--
-- Returns {'lost', now} when there is no room, or Redis has gone back behind what it
-- once told this caller. Otherwise every script returns
-- {'ok', now (us), epoch, version, ...}.

local ROOM, WAITING, PRESENT, ACTIVE, CALLED, AWAY = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local FINISHED, RESTORED, ADMISSIONS, WAITS, SCRATCH = KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[14]

local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])

local r = {}
do
  local fields = {
    'epoch', 'version', 'generation', 'floor', 'opened_issued', 'admit', 'interval_ms', 'max_active', 'claim_seconds',
    'session_seconds', 'session_max_seconds', 'absence_seconds', 'return_seconds', 'max_waiting',
    'ceiling', 'issued', 'head', 'admitted_at', 'quota_left', 'quota_until', 'recovering_until',
    'window', 'window_at', 'seen_at', 'fresh_since', 'rules_version', 'admissions', 'lost_active',
    'phase', 'paused',
  }
  local values = redis.call('HMGET', ROOM, unpack(fields))
  for i, name in ipairs(fields) do
    r[name] = tonumber(values[i]) or values[i] or 0
  end
end

local known_epoch, known_version = tonumber(ARGV[1]), tonumber(ARGV[2])
if r.epoch == 0 or r.epoch < known_epoch or (r.epoch == known_epoch and r.version < known_version) then
  return {'lost', now}
end

-- text writes a whole number out in full, on every Lua.
local function text(n)
  return string.format('%.0f', n)
end

-- set stores whole numbers in the room.
local function set(field, n)
  r[field] = n
  redis.call('HSET', ROOM, field, text(n))
end

local function add(field, n)
  if n ~= 0 then
    redis.call('HINCRBY', ROOM, field, text(n))
  end
end

-- changed is called once by a script that wrote something: gateways know by
-- the version whether Redis went back.
local function changed()
  r.version = redis.call('HINCRBY', ROOM, 'version', 1)
end

-- each_batch runs a command with many arguments, some hundreds at a time: one
-- call a member is 5 times slower, and Lua's unpack has a limit.
local function each_batch(command, key, args)
  for i = 1, #args, 600 do
    redis.call(command, key, unpack(args, i, math.min(i + 599, #args)))
  end
end

-- heard notes that the holder of a number waits and is there.
local function heard(number)
  redis.call('SETBIT', PRESENT, text(number), 1)
  redis.call('SETBIT', KEYS[11 + r.window], text(number), 1)
end

-- called reads what is known of somebody who was called: number, how often
-- they missed, and, once they showed up, when session and admission end.
local function called(visitor)
  local row = redis.call('HGET', CALLED, visitor)
  if not row then
    return nil
  end
  local number, misses, session, max = string.match(row, '^(%d+):(%d+):(%d+):(%d+)$')
  return {number = tonumber(number), misses = tonumber(misses), session = tonumber(session), max = tonumber(max)}
end

local function call(visitor, c)
  redis.call('HSET', CALLED, visitor,
    text(c.number) .. ':' .. text(c.misses) .. ':' .. text(c.session) .. ':' .. text(c.max))
end

-- lapse ends the admission of somebody whose deadline has passed: a session
-- expires; who never showed up has missed, and may come back from away, once.
local function lapse(visitor)
  local c = called(visitor)
  redis.call('ZREM', ACTIVE, visitor)
  if not c or c.session > 0 then
    redis.call('HDEL', CALLED, visitor)
    add('expired', 1)
  elseif c.misses > 0 then
    redis.call('HDEL', CALLED, visitor)
    add('missed', 1)
  else
    c.misses = 1
    call(visitor, c)
    redis.call('ZADD', AWAY, text(now + r.return_seconds * 1000000), visitor)
    add('missed', 1)
  end
end

-- claim notes that somebody who was admitted showed up: from now on the
-- deadline is the session's.
local function claim(visitor, c)
  c.session = now + r.session_seconds * 1000000
  c.max = now + r.session_max_seconds * 1000000
  call(visitor, c)
  redis.call('ZADD', ACTIVE, text(c.session), visitor)
  add('claimed', 1)
end
