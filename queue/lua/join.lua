-- Gives visitors a place at the end of the line, many in one call, or before a draw
-- one in the lobby. Who has a place keeps it.
--
-- ARGV[3..] pairs: visitor, and '1' if the visitor was made up for this join (then
--           nobody else knows of it, and it has no place), else '0'. Where the rules ask for
--           it, behind that and parted by spaces: address, network, the id of a proof
--           of work and until when it is good (us); '-' for what there is not
--
-- Returns {'ok', now, epoch, version, generation, code, number, code, number, ...}, a
-- pair a visitor in the order asked, or 'all' and the last number when everybody asked for
-- has joined:
--   'joined'  a new number
--   'known'   has a place already (waiting, away or inside), under that number
--   'gathers' a new place in the lobby, without a number
--   'lobby'   has a place in the lobby already
--   'closed'  the show's queue is not open
--   'full'    max_waiting people keep a place already
--   'ceiling' the numbers reserved in MySQL are used up
--   'limited' too many joined from there; instead of the number, how long to wait (us)
--   'unproved', 'stale', 'spent'  the proof of work is missing, is past its time, or
--             has given somebody a place

local reply = {'ok', now, r.epoch, 0, r.generation}
local issued = r.issued
local vacant = math.huge
if r.max_waiting > 0 then
  vacant = r.max_waiting - in_line() - redis.call('ZCARD', LOBBY)
end

local visitors = {}
for i = 3, #ARGV, 2 do
  visitors[#visitors + 1] = ARGV[i]
end
local joined, just, all = {}, {}, true
local drawing, came = r.phase == 'lobby' and r.draw ~= 'numbered', false

-- holds says under which number a visitor has a place already; what is over makes
-- room for a new one.
local function holds(visitor)
  local place = tonumber(redis.call('ZSCORE', WAITING, visitor) or nil)
  if place and place <= r.head then
    local how, till = standing(place)
    if till > now then
      return place
    end
    part(visitor, place)
    if how == 'passed' then
      add('expired_waiting', 1)
    end
    return nil
  elseif place then
    return place
  end
  place = redis.call('ZSCORE', RETURNED, visitor) or redis.call('ZSCORE', LIST, visitor)
  if place then
    return tonumber(place)
  end
  local c = called(visitor)
  if not c then
    return nil
  end
  if tonumber(redis.call('ZSCORE', ACTIVE, visitor) or redis.call('ZSCORE', AWAY, visitor) or 0) > now then
    return c.number
  end
  if redis.call('ZSCORE', ACTIVE, visitor) then
    lapse(visitor)
  end
  redis.call('ZREM', AWAY, visitor)
  redis.call('HDEL', CALLED, visitor)
  return nil
end

-- gathers gives a place in the lobby, as long as it takes anybody; or says why not, and
-- how long to wait.
local function gathers(visitor, asked)
  local since = redis.call('ZSCORE', LOBBY, visitor)
  if since and tonumber(since) > 0 then
    return 'lobby'
  elseif r.draw == 0 and vacant >= 1 then
    local why, wait = refused(asked)
    if why then
      return why, wait
    end
    redis.call('ZADD', LOBBY, text(now), visitor)
    vacant = vacant - 1
    came = true
    return 'gathers'
  end
  return nil
end

for i, visitor in ipairs(visitors) do
  local place, code = just[visitor], 'known'
  if not place and string.sub(ARGV[2 * i + 2], 1, 1) ~= '1' then
    place = holds(visitor)
  end
  if not place then
    code = nil
    if drawing then
      code, place = gathers(visitor, ARGV[2 * i + 2])
    end
  end
  if not code then
    if r.phase ~= 'open' and r.phase ~= 'lobby' then
      code = 'closed'
    elseif vacant < 1 then
      code = 'full'
    elseif issued >= r.ceiling then
      code = 'ceiling'
    else
      code, place = refused(ARGV[2 * i + 2])
      if not code then
        issued = issued + 1
        vacant = vacant - 1
        code, place = 'joined', issued
        just[visitor] = issued
        joined[#joined + 1] = text(issued)
        joined[#joined + 1] = visitor
      end
    end
  end
  if code ~= 'joined' or issued - r.issued ~= i then
    all = false
  end
  reply[#reply + 1] = code
  reply[#reply + 1] = place or 0
end

if issued > r.issued then
  each_batch('ZADD', WAITING, joined)
  fill(PRESENT, r.issued + 1, issued)
  fill(KEYS[11 + r.window], r.issued + 1, issued)
  add('joined', issued - r.issued)
  set('issued', issued)
  came = true
end
if came then
  keep_limits()
  changed()
end
reply[4] = r.version
if all then
  -- As it goes in a rush: one pair says it for everybody.
  return {'ok', now, r.epoch, r.version, r.generation, 'all', issued}
end
return reply
