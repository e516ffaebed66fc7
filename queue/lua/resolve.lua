-- Says what became of visitors whom a view cannot answer for, and acts on it: who
-- was called has shown up, who was away is back, who was lost with an older epoch
-- gets the old number again. Many visitors in one call.
--
-- ARGV[3..] eight values a visitor:
--   visitor
--   number          as the token says; 0 when only the visitor is known
--   epoch           in which the proof was made; the room's when only the visitor is known
--   admitted_until  (us) when the token or pass proves an admission; else 0
--   max             (us) how far that admission can be pinned; 0 when not known
--   joined          (us) when the visitor joined; 0 when not known
--   low, high       (us) the wait that was foretold at the join; 0 when none was
--
-- Returns {'ok', now, epoch, version, generation, state, number, detail, max,
-- state, ...}, four a visitor:
--   'waiting'   detail: position among the returned, or 0 where the view tells it
--   'listed'    on the waiting list; detail: how many there have a number up to this one
--   'admitted'  detail: deadline (us); max: how far it can be pinned (us)
--   'prolonged' the same, where the session was prolonged
--   'finished'  bought, or left
--   'expired'   away or inside too long
--   'lobby'     waits for the draw
--   'none'      this visitor has no place here
--   'older'     the place is of an older generation
--   'lost'      this Redis knows nothing of the token's epoch, or never issued the
--               number: it has gone back

local reply = {'ok', now, r.epoch, 0, r.generation}
local wrote = false

-- waited counts a wait into buckets that grow by a tenth (0: under a second),
-- and whether it was as foretold.
local function waited(joined, low, high)
  local wait = math.max(0, now - joined)
  redis.call('HINCRBY', WAITS, text(math.floor(math.log(wait / 1000000 + 1) / math.log(1.1))), 1)
  if high > 0 then
    redis.call('HINCRBY', WAITS, 'foretold', 1)
    if wait >= low and wait <= high then
      redis.call('HINCRBY', WAITS, 'inside', 1)
    end
  end
end

local function waiting(number)
  heard(number)
  local position = 0
  if number <= r.head then
    position = redis.call('ZCOUNT', RETURNED, '-inf', text(number))
  end
  return 'waiting', number, position
end

-- back puts somebody back in line who had been called.
local function back(visitor, number, misses)
  call(visitor, {number = number, misses = misses, session = 0, max = 0})
  redis.call('ZADD', RETURNED, text(number), visitor)
  return waiting(number)
end

-- restore puts back, once, what an older epoch's token proves.
local function restore(visitor, number, admitted_until, max)
  bit(RESTORED, number, 1)
  wrote = true
  if admitted_until > now then
    local c = {number = number, misses = 0, session = admitted_until, max = math.max(max, admitted_until)}
    call(visitor, c)
    bit(PRESENT, number, 0)
    redis.call('ZADD', ACTIVE, text(c.session), visitor)
    if r.lost_active > 0 then
      set('lost_active', r.lost_active - 1)
      add('expired', -1)
    else
      add('admitted', 1)
      add('claimed', 1)
    end
    return 'admitted', number, c.session, c.max
  end
  if number <= r.head then
    if now > r.recovering_until + r.return_seconds * 1000000 then
      return 'expired', number, 0
    end
    return back(visitor, number, 1)
  end
  redis.call('ZADD', WAITING, text(number), visitor)
  return waiting(number)
end

-- done says how a place ended that nothing more is kept of.
local function done(number)
  if redis.call('GETBIT', FINISHED, text(number)) == 1 then
    return 'finished', number, 0
  end
  return 'expired', number, 0
end

-- answer_call is the visit of somebody who was called the first time and has not been
-- heard of since: they claim, come back, or are too late.
local function answer_call(visitor, number, joined, low, high)
  local how, till = standing(number)
  part(visitor, number)
  wrote = true
  if how == 'invited' then
    uninvite(number)
    local c = {number = number, misses = 0}
    claim(visitor, c)
    if joined > 0 then
      waited(joined, low, high)
    end
    return 'admitted', number, c.session, c.max
  end
  if till > now then
    return back(visitor, number, how == 'missed' and 1 or 0)
  elseif how == 'passed' then
    add('expired_waiting', 1)
  end
  return done(number)
end

-- is_unknown tells whether the place of a number may not have got here.
local function is_unknown(number)
  for above, last in string.gmatch(unknown(), '(%d+)-(%d+)') do
    if number > tonumber(above) and number <= tonumber(last) then
      return true
    end
  end
  return false
end

-- gathered tells who is in the lobby. A token of an older epoch puts its holder back
-- there, until it is frozen.
local function gathered(visitor, epoch, joined)
  local since = tonumber(redis.call('ZSCORE', LOBBY, visitor) or nil)
  if not since and r.phase == 'lobby' and epoch < r.epoch and joined > 0 and (r.draw == 0 or r.draw == 'freezing') then
    since = redis.call('ZADD', LOBBY, text(joined), visitor)
    wrote = true
  end
  return since and since > 0
end

local function resolve(visitor, number, epoch, admitted_until, max, joined, low, high)
  if epoch > r.epoch then
    return 'lost', number, 0
  end
  if number > 0 and number <= r.floor then
    return 'older', number, 0
  end
  local place = tonumber(redis.call('ZSCORE', WAITING, visitor) or redis.call('ZSCORE', RETURNED, visitor) or nil)
  if number == 0 and not place and gathered(visitor, epoch, joined) then
    return 'lobby', 0, 0
  end
  local listed = tonumber(redis.call('ZSCORE', LIST, visitor) or nil)
  place = place or listed
  local c = called(visitor)
  local current = place or (c and c.number)
  if number > 0 and current and current ~= number then
    -- An earlier place of somebody who has joined again: it never jumps.
    return done(number)
  end

  local deadline = tonumber(redis.call('ZSCORE', ACTIVE, visitor) or 0)
  if deadline > now then
    if c.session == 0 then
      claim(visitor, c)
      if joined > 0 then
        waited(joined, low, high)
      end
      wrote = true
      return 'admitted', c.number, c.session, c.max
    end
    if number > 0 and epoch < r.epoch and admitted_until > c.session and is_unknown(number) then
      -- A hold brought them back before their token did.
      c.session, c.max = admitted_until, math.max(c.max, max)
      call(visitor, c)
      deadline = math.max(deadline, c.session)
      redis.call('ZADD', ACTIVE, text(deadline), visitor)
      wrote = true
    end
    return 'admitted', c.number, deadline, c.max
  elseif deadline > 0 then
    lapse(visitor)
    c = called(visitor)
    place = tonumber(redis.call('ZSCORE', WAITING, visitor) or nil)
    wrote = true
  end

  if listed and (epoch == r.epoch or admitted_until <= now) then
    return 'listed', listed, redis.call('ZCOUNT', LIST, '-inf', text(listed))
  elseif place and not listed and not c and place <= r.head then
    return answer_call(visitor, place, joined, low, high)
  elseif place and (epoch == r.epoch or admitted_until <= now) then
    return waiting(place)
  elseif place then
    -- The token brought them back to the line before the pass proved more.
    redis.call('ZREM', WAITING, visitor)
    redis.call('ZREM', RETURNED, visitor)
    redis.call('ZREM', LIST, visitor)
    return restore(visitor, place, admitted_until, max)
  end

  local away_until = tonumber(redis.call('ZSCORE', AWAY, visitor) or 0)
  if away_until > now then
    redis.call('ZREM', AWAY, visitor)
    wrote = true
    return back(visitor, c.number, c.misses)
  end

  if number == 0 then
    return 'none', 0, 0
  elseif epoch == r.epoch and number > r.issued then
    return 'lost', number, 0
  elseif epoch == r.epoch or c or not is_unknown(number) or redis.call('GETBIT', FINISHED, text(number)) == 1
      or redis.call('GETBIT', RESTORED, text(number)) == 1 then
    return done(number)
  end
  return restore(visitor, number, admitted_until, max)
end

for i = 3, #ARGV, 8 do
  local state, number, detail, max = resolve(ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]),
    tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4]), tonumber(ARGV[i + 5]), tonumber(ARGV[i + 6]), tonumber(ARGV[i + 7]))
  if state == 'admitted' and redis.call('GETBIT', PROLONGED, text(number)) == 1 then
    state = 'prolonged'
  end
  reply[#reply + 1] = state
  reply[#reply + 1] = number
  reply[#reply + 1] = detail
  reply[#reply + 1] = max or 0
end
if wrote then
  changed()
end
reply[4] = r.version
return reply
