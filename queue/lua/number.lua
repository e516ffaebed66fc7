-- Gives the next of the drawn their numbers, in the order drawn. Each call says
-- from where it goes on, so that a gateway that slept undoes nothing.
--
-- ARGV[3]   generation
-- ARGV[4]   epoch of the lobby that was drawn
-- ARGV[5]   cursor: how many have their number already
-- ARGV[6..] the next visitors; none when all have their number
--
-- Returns {'ok', now, epoch, version, code, cursor}:
--   'placed'   these have their numbers; cursor: how many have now
--   'moved'    somebody else has gone on, to cursor
--   'numbered' all have their numbers
--   'closed'   the show is not in its lobby
--   'other'    this room is not in this draw, or not yet

local cursor, n, code = tonumber(ARGV[5]), #ARGV - 5, 'placed'
if tonumber(ARGV[3]) ~= r.generation or tonumber(ARGV[4]) ~= r.draw_epoch then
  code = 'other'
elseif r.draw == 'numbered' then
  code = 'numbered'
elseif r.draw ~= 'frozen' then
  code = 'other'
elseif r.phase ~= 'lobby' then
  code = 'closed'
elseif cursor ~= r.draw_cursor or cursor + n > r.draw_count then
  code = 'moved'
end
if code ~= 'placed' then
  return {'ok', now, r.epoch, r.version, code, r.draw_cursor}
end

if n > 0 then
  local first = r.draw_first + cursor
  fill(PRESENT, first, first + n - 1)
  fill(RESTORED, first, first + n - 1) -- an older epoch's token puts nobody back whose place has ended
  local since = redis.call('ZMSCORE', LOBBY, unpack(ARGV, 6))
  local late = redis.call('ZMSCORE', WAITING, unpack(ARGV, 6))
  local rows, left = {}, 0
  for i = 1, n do
    local number = first + i - 1
    if since[i] and tonumber(since[i]) == 0 then
      -- They left after the lobby was frozen: the number is theirs, and done.
      bit(FINISHED, number, 1)
      bit(PRESENT, number, 0)
      left = left + 1
    else
      if late[i] and tonumber(late[i]) ~= number then
        -- They came again, without their token, while Redis had forgotten the lobby.
        bit(PRESENT, tonumber(late[i]), 0)
      end
      rows[#rows + 1] = text(number)
      rows[#rows + 1] = ARGV[5 + i]
    end
  end
  each_batch('ZADD', WAITING, rows)
  redis.call('ZREM', LOBBY, unpack(ARGV, 6))
  add('left_waiting', left)
  set('draw_cursor', cursor + n)
end
if r.draw_cursor == r.draw_count then
  code = 'numbered'
  redis.call('HSET', ROOM, 'draw', code)
  redis.call('UNLINK', LOBBY)
  add('joined', r.draw_count)
  set('fresh_since', now) -- who is drawn counts as seen: nobody is absent for absence_seconds
end
changed()
return {'ok', now, r.epoch, r.version, code, r.draw_cursor}
