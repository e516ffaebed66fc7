-- The opening of every other script of this folder: names for the keys of one
-- show's room, the time, and the test that Redis still is where we left it.
--
-- KEYS[1]  room       hash: rules in force, phase, epoch, version, issued, head, totals
-- KEYS[2]  waiting    sorted set: visitor -> number; the order of the line. Whoever was
--                     called stays, at or below the head, until they claim or their time is over
-- KEYS[3]  present    bitmap: bit n: the holder of number n waits and is there
-- KEYS[4]  active     sorted set: visitor -> deadline (us); admitted and inside, but for
--                     those who were called the first time and have not claimed
-- KEYS[5]  called     hash: visitor -> "number:misses:session_until:max_until" of everybody
--                     who has claimed and is active, or came back in the line
-- KEYS[6]  away       sorted set: visitor -> until when they may come back (us), of those
--                     who were called a second time
-- KEYS[7]  finished   bitmap: bit n: number n is done (bought or left)
-- KEYS[8]  restored   bitmap: bit n: number n was put back once since the room was opened
-- KEYS[9]  admissions list: one row an admission, until MySQL has it
-- KEYS[10] waits      hash: how long admitted visitors had waited, by bucket
-- KEYS[11..13] seen   bitmaps: bit n: number n was heard of in a window; they take turns
-- KEYS[14] scratch    string: used within one call only
-- KEYS[15] returned   sorted set: visitor -> number; back in line after having been called
-- KEYS[16] invited    bitmap: bit n: number n was called and may claim
-- KEYS[17] missed     bitmap: bit n: number n was called and did not claim
-- KEYS[18] calls      sorted set: one row an admission, "last:claim_by:passed_until:missed_until"
--                     (us) by its last number: until when those up to there may claim, and
--                     come back who were passed over, or missed
-- KEYS[19] lobby      sorted set: visitor -> when they came (us), before a draw; 0: left since
-- KEYS[20] limits     sorted set: 'a:' address or 'n:' network -> when its joins would be used
--                     up at the pace allowed (us); 'p:' proof of work that was spent -> until
--                     when it would be good (us). What lies in the past means nothing any more
-- KEYS[21] holding    sorted set: visitor -> until when (us), of those inside who hold seats
-- KEYS[22] taken      sorted set: visitor -> when they took seats (us), some seconds back
-- KEYS[23] list       sorted set: visitor -> number; the waiting list. Who is on it is not in
--                     `waiting`: they need not be there to keep their place
-- KEYS[24] untold     sorted set: visitor -> until when they may claim (us); called from the
--                     waiting list, until others have been told
-- KEYS[25] codes      sorted set: code -> until when it is good (us); with it another device may
--                     take over a place. It is remembered for a while longer
-- KEYS[26] offers     hash: code -> "visitor place" it was given for, or nothing once it was
--                     used; and visitor -> code
-- KEYS[27] prolonged  bitmap: bit n: the session of number n was prolonged
-- KEYS[28] moved      sorted set: visitor -> when they moved to another device (us), each later
--                     than the one before. It outlives the epoch
-- KEYS[29] preferred  sorted set: visitor -> number; whom an operator calls before their turn.
--                     They stay where they are in line until then
-- ARGV[1]  epoch that the caller knows
-- ARGV[2]  highest version of that epoch that the caller was ever told
--
-- Returns {'lost', now, epoch, 0} when there is no room, or Redis has gone back behind what it
-- once told this caller. All but those that only look return {'copy', now} when another master has opened
-- the room. Otherwise every script returns {'ok', now (us), epoch, version, ...}.

local ROOM, WAITING, PRESENT, ACTIVE, CALLED, AWAY = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local FINISHED, RESTORED, ADMISSIONS, WAITS, SCRATCH = KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[14]
local RETURNED, INVITED, MISSED, CALLS, LOBBY, LIMITS = KEYS[15], KEYS[16], KEYS[17], KEYS[18], KEYS[19], KEYS[20]
local HOLDING, TAKEN, LIST, UNTOLD = KEYS[21], KEYS[22], KEYS[23], KEYS[24]
local CODES, OFFERS, PROLONGED, MOVED, PREFERRED = KEYS[25], KEYS[26], KEYS[27], KEYS[28], KEYS[29]

local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])

-- r reads the room, a field when it is first needed: all at once took some 20 us of
-- every script. What is not there reads as 0.
local r = setmetatable({}, {
  __index = function(fields, name)
    local value = redis.call('HGET', ROOM, name) or 0
    value = tonumber(value) or value
    fields[name] = value
    return value
  end,
})

local known_epoch, known_version = tonumber(ARGV[1]), tonumber(ARGV[2])
if r.epoch == 0 or r.epoch < known_epoch or (r.epoch == known_epoch and r.version < known_version)
    or (r.epoch > known_epoch and r.copied_from > 0 and r.copied_from <= known_epoch and r['copied:' .. ARGV[1]] < known_version) then
  return {'lost', now, r.epoch, 0}
end

-- is_copy tells whether another master opened this room: numbers are reserved for one, lest two that both
-- take themselves for it hand the same ones out.
local function is_copy()
  return redis.call('HGET', ROOM, 'home') ~= master()
end

-- text writes a whole number out in full, on every Lua.
local function text(n)
  return string.format('%.0f', n)
end

-- unknown lists the numbers whose places may not have got here: 'above-last above-last ...'. Rooms of an older
-- version do not say it so.
local function unknown()
  return r.unknown == 0 and '0-' .. text(r.opened_issued) or r.unknown
end

-- halted tells whether nobody is to be let in yet: places are being put back, or it may turn out that they must be.
local function halted()
  return now < r.recovering_until or now < r.objections_until
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

-- bit sets one bit of a bitmap.
local function bit(key, number, value)
  redis.call('SETBIT', key, text(number), value)
end

-- fill sets the bits of all numbers from first to last: whole bytes, and at the ends
-- what is there beside them stays.
local function fill(key, first, last)
  local from, to = math.floor(first / 8), math.floor(last / 8)
  local old = redis.call('GETRANGE', key, text(from), text(to))
  -- The byte at an index with its bits from a to b set, 0 being the first.
  local function with(index, a, b)
    local byte = string.byte(old, index) or 0
    return string.char(byte - byte % 2 ^ (8 - a) + 2 ^ (8 - a) - 2 ^ (7 - b) + byte % 2 ^ (7 - b))
  end
  local bytes
  if from == to then
    bytes = with(1, first % 8, last % 8)
  else
    bytes = with(1, first % 8, 7) .. string.rep('\255', to - from - 1) .. with(to - from + 1, 0, last % 8)
  end
  redis.call('SETRANGE', key, text(from), bytes)
end

-- parse reads a row of calls; what was never called, or dropped, is long over.
local function parse(row)
  if not row then
    return {last = 0, claim_by = 0, passed_until = 0, missed_until = 0}
  end
  local last, claim_by, passed_until, missed_until = string.match(row, '^(%d+):(%d+):(%d+):(%d+)$')
  return {
    row = row, last = tonumber(last), claim_by = tonumber(claim_by),
    passed_until = tonumber(passed_until), missed_until = tonumber(missed_until),
  }
end

-- uninvite ends the invitation of a number.
local function uninvite(number)
  bit(INVITED, number, 0)
  set('invited', r.invited - 1)
end

-- standing says how it stands with a number at or below the head whose holder is
-- still in `waiting`: 'invited' may claim, 'missed' did not, 'passed' was absent when
-- called; and until when (us) that is so. Who is late has missed, here and now.
local function standing(number)
  local call = parse(redis.call('ZRANGEBYSCORE', CALLS, text(number), '+inf', 'LIMIT', 0, 1)[1])
  if redis.call('GETBIT', INVITED, text(number)) == 1 then
    if now < call.claim_by then
      return 'invited', call.claim_by
    end
    uninvite(number)
    bit(MISSED, number, 1)
    add('missed', 1)
  elseif redis.call('GETBIT', MISSED, text(number)) == 0 then
    return 'passed', call.passed_until
  end
  return 'missed', call.missed_until
end

-- part takes somebody out of `waiting` whose number is at or below the head.
local function part(visitor, number)
  redis.call('ZREM', WAITING, visitor)
  bit(MISSED, number, 0)
end

-- in_line is how many keep a place in line.
local function in_line()
  return redis.call('ZCOUNT', WAITING, '(' .. text(r.head), '+inf') + redis.call('ZCARD', RETURNED)
end

-- lapse ends the admission of somebody whose deadline has passed: a session
-- expires; who never showed up has missed, and may come back from away, once. Who was
-- called before their turn stands in line again where they were.
local function lapse(visitor)
  local c = called(visitor)
  redis.call('ZREM', ACTIVE, visitor)
  redis.call('ZREM', HOLDING, visitor)
  if not c or c.session > 0 then
    redis.call('HDEL', CALLED, visitor)
    add('expired', 1)
  elseif c.misses > 0 then
    redis.call('HDEL', CALLED, visitor)
    add('missed', 1)
  elseif c.number > r.head then
    redis.call('HDEL', CALLED, visitor)
    redis.call('ZADD', WAITING, text(c.number), visitor)
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
