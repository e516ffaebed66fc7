-- Lets people in. Any gateway may call it at any time; only when a whole interval
-- has passed since the last admission does it admit: `admit` visitors or what
-- max_active leaves, whichever is less, from the front of the line. A large batch
-- goes in chunks that draw on one quota; what is not drawn by the interval's end
-- lapses, and the next interval starts one interval after the last chunk, so that
-- no window of one interval ever sees two quotas.
--
-- ARGV[3]  chunk: most visitors that one call moves, so that Redis is never held for long
--
-- Returns {'ok', now, epoch, version, admitted, next}: how many were let in, and in
-- how many us to call again.

local chunk = tonumber(ARGV[3])
local interval = r.interval_ms * 1000
local wrote = false

-- Who is past their deadline is out, and frees a place for somebody of this call.
for _, visitor in ipairs(redis.call('ZRANGEBYSCORE', ACTIVE, '-inf', text(now), 'LIMIT', 0, chunk)) do
  lapse(visitor)
  wrote = true
end

-- Who stayed away too long has lost the place. Whoever missed was counted then.
for _, visitor in ipairs(redis.call('ZRANGEBYSCORE', AWAY, '-inf', text(now), 'LIMIT', 0, chunk)) do
  local c = called(visitor)
  redis.call('ZREM', AWAY, visitor)
  redis.call('HDEL', CALLED, visitor)
  if c and c.misses == 0 then
    add('expired_waiting', 1)
  end
  wrote = true
end

local quota = 0
if r.phase == 'open' and r.paused == 0 and now >= r.recovering_until then
  if now >= r.admitted_at + interval then
    quota = r.admit
    r.quota_until = now + interval
  elseif now < r.quota_until then
    quota = math.min(r.quota_left, r.admit)
  end
end
local active = redis.call('ZCARD', ACTIVE)
local vacant = r.max_active - active
local want = math.min(quota, vacant, chunk)

-- The front of the line, some at a time: the present go in, the absent to away.
local going, rows, absent, popped = {}, {}, {}, 0
local first, last, returned, head = 0, 0, 0, r.head
local claim_by = text(now + r.claim_seconds * 1000000)

local POWERS = {128, 64, 32, 16, 8, 4, 2, 1}

local function present(lowest, highest)
  local start = math.floor(lowest / 8)
  if highest - lowest > 400000 then
    return function(number)
      return redis.call('GETBIT', PRESENT, text(number)) == 1
    end
  end
  local bytes = redis.call('GETRANGE', PRESENT, text(start), text(math.floor(highest / 8)))
  local offset, byte = -1, 0 -- neighbours share a byte
  return function(number)
    local at = math.floor(number / 8)
    if at ~= offset then
      offset, byte = at, string.byte(bytes, at - start + 1) or 0
    end
    return math.floor(byte / POWERS[number - at * 8 + 1]) % 2 == 1
  end
end

while want > #going / 2 and popped < 2 * chunk do
  local front = redis.call('ZPOPMIN', WAITING, text(want - #going / 2))
  if #front == 0 then
    break
  end
  popped = popped + #front / 2
  local is_present = present(tonumber(front[2]), tonumber(front[#front]))
  for i = 1, #front, 2 do
    local visitor, number = front[i], tonumber(front[i + 1])
    if is_present(number) then
      going[#going + 1] = claim_by
      going[#going + 1] = visitor
      if first == 0 then first = number end
      last = number
      if number <= r.head then
        returned = returned + 1
        redis.call('HSETNX', CALLED, visitor, text(number) .. ':0:0:0')
      else
        rows[#rows + 1] = visitor
        rows[#rows + 1] = front[i + 1] .. ':0:0:0' -- the score, written out by Redis
      end
    else
      absent[#absent + 1] = text(now + r.return_seconds * 1000000)
      absent[#absent + 1] = visitor
      redis.call('HSETNX', CALLED, visitor, text(number) .. ':0:0:0')
    end
    head = math.max(head, number)
  end
end

local admitted = #going / 2
if popped > 0 then
  each_batch('ZADD', ACTIVE, going)
  each_batch('HSET', CALLED, rows)
  each_batch('ZADD', AWAY, absent)
  set('head', head)
  wrote = true
end

local front = redis.call('ZRANGE', WAITING, 0, 0, 'WITHSCORES')
local next_number = tonumber(front[2] or 0)
local more = next_number > 0 and quota - admitted > 0 and vacant - admitted > 0

if admitted > 0 then
  active = active + admitted
  add('admitted', admitted)
  set('admitted_at', now)
  set('admissions', r.admissions + 1)
  redis.call('RPUSH', ADMISSIONS, table.concat({
    text(r.epoch), text(r.admissions), text(now), text(r.admit), text(r.interval_ms), text(r.max_active),
    text(admitted), text(first), text(last), text(next_number), text(active), text(returned),
  }, ':'))
end
if popped > 0 then
  set('quota_left', more and quota - admitted or 0)
  set('quota_until', r.quota_until)
end
if wrote then
  changed()
end

local due = math.min(interval, 1000000)
if more then
  due = 0
elseif now < r.admitted_at + interval then
  due = r.admitted_at + interval - now
end
return {'ok', now, r.epoch, r.version, admitted, due}
