-- Lets people in. Any gateway may call it at any time; it admits what is left of the
-- interval's quota, `admit` visitors, or what max_active leaves, whichever is less, lowest
-- numbers first. Nobody is moved: the
-- head goes on, and the bits of those who are there go from `present` to `invited`, so
-- that letting 5,000 in costs no more than letting five in. What must be done one by
-- one (who came back, whose time is over) is bounded by a chunk; an admission that needs
-- more goes on in the next call and draws on the same quota.
--
-- An interval starts with the first whom it lets in, and its quota may be drawn until its end:
-- who comes while nobody waits need not wait for the next. What is not drawn by then lapses. An
-- interval that starts before a whole one has passed since anybody was let in
-- has that much less to give as the one before gave, so that no window of one interval, wherever it
-- starts, ever sees more than `admit`: it meets two of them at most.
--
-- Where the rules reckon with seats for everybody inside, no more enter than the seats
-- that are left can serve: seats free × 100 / percent (the last one may find fewer), and beside
-- those everybody who holds some. Who took seats after they were counted is reckoned as if they had none yet, inside or out
-- again, for those seats are counted as free: so the bound is that of the count's moment, and
-- no delay lets in too many. While the stock is not known nobody enters. With all seats sold, and none
-- held that could come back, nobody does under any rule.
--
-- The waiting list goes before the line: while anybody is on it nobody else enters, and no more
-- are called than the seats that are left serve, one each where the rules do not say. They
-- have longer to claim, and only once.
--
-- Whom an operator calls before their turn goes before both, within the same bounds and in an
-- admission of their own, so that the ledger shows of every other that it went by the line.
--
-- ARGV[3]  chunk: most visitors that one call takes one by one
-- ARGV[4]  seats that are free; -1 when that is not known
-- ARGV[5]  seats that are held, or being paid for
-- ARGV[6]  when that was so (us)
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

-- lift takes the bits of the numbers from first to last out of a bitmap, and leaves
-- them in SCRATCH at their places; it returns how many were set.
local function lift(key, first, last)
  local from, to = math.floor(first / 8), math.floor(last / 8)
  local bytes = redis.call('GETRANGE', key, text(from), text(to))
  if #bytes == 0 then
    return 0
  end
  to = math.min(to, from + #bytes - 1)
  local low = string.byte(bytes, 1) -- its first bits are of smaller numbers
  local keep_low = low - low % 2 ^ (8 - first % 8)
  local high, keep_high = string.byte(bytes, #bytes), 0 -- its last bits are of larger ones
  if to == math.floor(last / 8) then
    keep_high = high % 2 ^ (7 - last % 8)
  end
  local taken, kept
  if from == to then
    taken = string.char(low - keep_low - keep_high)
    kept = string.char(keep_low + keep_high)
  else
    local middle = #bytes - 2
    taken = string.char(low - keep_low) .. string.sub(bytes, 2, -2) .. string.char(high - keep_high)
    kept = string.char(keep_low) .. string.rep('\0', middle) .. string.char(keep_high)
  end
  redis.call('SETRANGE', SCRATCH, text(from), taken)
  redis.call('SETRANGE', key, text(from), kept)
  return redis.call('BITCOUNT', SCRATCH)
end

-- move moves those bits to another bitmap; it returns how many.
local function move(from, to, first, last)
  local n = lift(from, first, last)
  if n > 0 then
    redis.call('BITOP', 'OR', to, to, SCRATCH)
  end
  redis.call('UNLINK', SCRATCH)
  return n
end

-- Whole admissions at a time: who did not claim has missed.
for _, row in ipairs(redis.call('ZRANGEBYSCORE', CALLS, '(' .. text(r.swept), '+inf', 'LIMIT', 0, 100)) do
  local call = parse(row)
  if call.claim_by > now then
    break
  end
  local n = move(INVITED, MISSED, r.swept + 1, call.last)
  if n > 0 then
    add('missed', n)
    set('invited', r.invited - n)
  end
  set('swept', call.last)
  wrote = true
end

-- And who missed, or was passed over, and did not come back has lost the place.
local room_for = chunk
while room_for > 0 do
  local call = parse(redis.call('ZRANGE', CALLS, 0, 0)[1])
  if not call.row or call.missed_until > now or call.last > r.swept then
    break
  end
  local at = text(room_for - 1)
  local last = redis.call('ZRANGE', WAITING, at, at, 'WITHSCORES')[2]
  last = math.min(tonumber(last or call.last), call.last)
  local gone = redis.call('ZREMRANGEBYSCORE', WAITING, '-inf', text(last))
  add('expired_waiting', gone - lift(MISSED, r.dropped + 1, last))
  redis.call('UNLINK', SCRATCH)
  set('dropped', last)
  if last == call.last then
    redis.call('ZREM', CALLS, call.row)
  end
  room_for = room_for - math.max(gone, 10)
  wrote = true
end

-- The quota that is left, and of which interval: what it gave, what the one before gave, its end.
local quota, drawn, before, ends = 0, 0, 0, now + interval
if r.phase == 'open' and r.paused == 0 and not halted() then
  if now >= r.admitted_at + interval then
    quota = r.admit
  elseif r.quota_interval == r.interval_ms and r.quota_at == r.admitted_at then
    -- Else another length was in force when somebody was let in last, or an older version did it.
    if now < r.quota_until then
      drawn, before, ends = r.quota_drawn, r.quota_before, r.quota_until
    else
      before = r.quota_drawn
    end
    quota = math.max(0, r.admit - drawn - before)
  end
end
local active = redis.call('ZCARD', ACTIVE) + r.invited
local vacant = r.max_active - active

-- served is how many may be inside for the seats that are left, at so many hundredths
-- each; nil for any number. A count older than three seconds is none: gateways look once a second.
local function served(free, held, counted, percent)
  redis.call('ZREMRANGEBYSCORE', HOLDING, '-inf', text(now))
  redis.call('ZREMRANGEBYSCORE', TAKEN, '-inf', text(now - 10000000))
  local known = free >= 0 and now - counted <= 3000000
  if known and free + held == 0 then
    return 0
  elseif percent == 0 then
    return nil
  elseif not known then
    return 0
  end
  local serves = math.ceil(free * 100 / percent) + redis.call('ZCARD', HOLDING)
  return math.max(0, serves - redis.call('ZCOUNT', TAKEN, '(' .. text(counted), '+inf'))
end

local listing = r.list_due == 1 or redis.call('ZCARD', LIST) > 0
local percent = r.seats_per_visitor_percent
local bound = served(tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), listing and percent == 0 and 100 or percent)
if bound then
  vacant = math.min(vacant, bound - active)
end
if (bound or -1) ~= r.served then
  set('served', bound or -1) -- for those who look; nothing is decided by it
end
local want = math.min(quota, vacant)
local claim_by = now + r.claim_seconds * 1000000
local first, last, returned = 0, 0, 0

-- enter lets somebody in by themselves, who may claim until a time.
local entering = {}
local function enter(visitor, number, till)
  entering[#entering + 1] = text(till)
  entering[#entering + 1] = visitor
  if first == 0 then first = number end
  last = number
  returned = returned + 1
end

-- Who is not there any more, or was called by now, stays what they are.
local popped = 0
while want > returned and popped < chunk do
  local front = redis.call('ZPOPMIN', PREFERRED, text(math.min(want - returned, chunk - popped)))
  if #front == 0 then
    break
  end
  popped = popped + #front / 2
  for i = 1, #front, 2 do
    local visitor, number = front[i], tonumber(front[i + 1])
    local place = tonumber(redis.call('ZSCORE', WAITING, visitor) or nil)
    local back = tonumber(redis.call('ZSCORE', RETURNED, visitor) or nil)
    if (place == number and number > r.head or back == number) and redis.call('GETBIT', PRESENT, text(number)) == 1 then
      redis.call('ZREM', place and WAITING or RETURNED, visitor)
      bit(PRESENT, number, 0)
      if place then
        call(visitor, {number = number, misses = 0, session = 0, max = 0})
      end
      enter(visitor, number, claim_by)
    end
  end
end
local turn = returned == 0 -- of the list and the line

if turn and listing and r.list_due == 0 and want > 0 then
  local claim = now + math.max(60, r.waiting_list_claim_seconds) * 1000000
  local front = redis.call('ZPOPMIN', LIST, text(math.min(want, chunk)))
  local untold = {}
  for i = 1, #front, 2 do
    local visitor, number = front[i], tonumber(front[i + 1])
    call(visitor, {number = number, misses = 1, session = 0, max = 0})
    enter(visitor, number, claim)
    untold[#untold + 1] = text(claim)
    untold[#untold + 1] = visitor
  end
  each_batch('ZADD', UNTOLD, untold)
end

-- Who came back has a smaller number than anybody beyond the head. One by one: the
-- present go in, the absent are away again.
local absent = {}
while turn and not listing and want > returned and popped < chunk do
  local front = redis.call('ZPOPMIN', RETURNED, text(math.min(want - returned, chunk - popped)))
  if #front == 0 then
    break
  end
  popped = popped + #front / 2
  for i = 1, #front, 2 do
    local visitor, number = front[i], tonumber(front[i + 1])
    if redis.call('GETBIT', PRESENT, text(number)) == 1 then
      bit(PRESENT, number, 0)
      enter(visitor, number, claim_by)
    else
      absent[#absent + 1] = text(now + r.return_seconds * 1000000)
      absent[#absent + 1] = visitor
    end
  end
end
each_batch('ZADD', ACTIVE, entering)
each_batch('ZADD', AWAY, absent)

-- set_in finds the n-th bit that is set from byte `from` to byte `to`, not counting
-- numbers up to the head; and the first one.
local function set_in(from, to, n)
  local bytes, lowest = redis.call('GETRANGE', PRESENT, text(from), text(to)), nil
  for i = 1, #bytes do
    local byte = string.byte(bytes, i)
    for place = 0, 7 do
      if byte >= 128 then
        byte = byte - 128
        local number = (from + i - 1) * 8 + place
        if number > r.head then
          lowest = lowest or number
          n = n - 1
          if n == 0 then
            return number, lowest
          end
        end
      end
      byte = byte * 2
    end
  end
  return nil, lowest
end

-- reach looks for the n-th present number beyond the head: blocks that hold too few are
-- counted by Redis at memory's speed, and grow, until one holds enough. It returns how
-- many there are, n at most, and the last of them.
local function reach(n)
  local start, ends = math.floor((r.head + 1) / 8), redis.call('STRLEN', PRESENT) - 1
  local below = 0
  for number = start * 8, r.head do
    below = below + redis.call('GETBIT', PRESENT, text(number))
  end
  local at, size, found = start, 64, 0
  while at <= ends do
    local to = math.min(at + size - 1, ends)
    local inside = redis.call('BITCOUNT', PRESENT, text(at), text(to))
    if at == start then
      inside = inside - below
    end
    if found + inside < n then
      found = found + inside
      at = to + 1
      size = math.min(size * 2, 65536)
    elseif to - at >= 64 then
      size = math.max(64, math.floor(size / 4))
    else
      return n, (set_in(at, to, n - found))
    end
  end
  if found == 0 then
    return 0, r.head
  end
  return reach(found)
end

local invited, head = 0, r.head
if turn and not listing and want > returned and redis.call('ZCARD', RETURNED) == 0 then
  invited, head = reach(want - returned)
  if invited > 0 then
    if first == 0 then
      local at = redis.call('BITPOS', PRESENT, 1, text(math.floor((r.head + 1) / 8)))
      first = at > r.head and at or select(2, set_in(math.floor((r.head + 1) / 8), math.floor(head / 8), invited))
    end
    last = head
    move(PRESENT, INVITED, r.head + 1, head)
    set('invited', r.invited + invited)
    set('head', head)
    local passed_until = now + r.return_seconds * 1000000
    local missed_until = claim_by + r.return_seconds * 1000000
    redis.call('ZADD', CALLS, text(head),
      table.concat({text(head), text(claim_by), text(passed_until), text(missed_until)}, ':'))
  end
end

local admitted = returned + invited
local next_number = math.max(0, redis.call('BITPOS', PRESENT, 1))
local waits = next_number > 0 or listing and redis.call('ZCARD', LIST) > 0
if listing or not turn then
  next_number = 0 -- of the line: it is not its turn
end
local more = waits and quota - admitted > 0 and vacant - admitted > 0

if admitted > 0 then
  active = active + admitted
  add('admitted', admitted)
  set('admitted_at', now)
  set('admissions', r.admissions + 1)
  redis.call('RPUSH', ADMISSIONS, table.concat({
    text(r.epoch), text(r.admissions), text(now), text(r.admit), text(r.interval_ms), text(r.max_active),
    text(admitted), text(first), text(last), text(next_number), text(active), text(returned), text(bound or 0),
  }, ':'))
  set('quota_drawn', drawn + admitted)
  set('quota_before', before)
  set('quota_until', ends)
  set('quota_interval', r.interval_ms)
  set('quota_at', now)
end
wrote = wrote or admitted > 0 or popped > 0
if wrote then
  changed()
end

local due = math.min(interval, 1000000)
if more and admitted + popped > 0 then
  due = 0
elseif now < r.quota_until and r.quota_before > 0 and r.quota_drawn < r.admit and r.quota_interval == r.interval_ms and r.quota_at == r.admitted_at then
  due = r.quota_until - now -- the next interval has something to give before this one's last is a whole one old
elseif now < r.admitted_at + interval then
  due = r.admitted_at + interval - now
end
return {'ok', now, r.epoch, r.version, admitted, due}
