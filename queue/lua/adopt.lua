-- Makes a copy of a room the room: a replica took over, a slot moved, or Redis started again from its file.
-- Everybody keeps their place as it stands here, in a new epoch, and newcomers get numbers that the
-- master before never had. A number in between proves a place that did not get here, and brings
-- it back. For a moment nobody is let in: a gateway that was told more than this copy knows says so.
--
-- ARGV[3]  epoch to begin, won in MySQL
-- ARGV[4]  epoch that the copy is of
-- ARGV[5]  issued: no number up to this one is handed out again
-- ARGV[6]  ceiling: numbers up to this one are reserved in MySQL
-- ARGV[7]  master that the epoch was won for
-- ARGV[8]  how long nobody is let in (us)
-- ARGV[9]  1: the waiting list is to be brought from MySQL
--
-- Returns {'ok', now, epoch, version}, or {'copy', now} from another master.

if master() ~= ARGV[7] then
  return {'copy', now}
end
if r.epoch == tonumber(ARGV[4]) then
  local issued = math.max(r.issued, tonumber(ARGV[5]))
  redis.call('HSET', ROOM, 'home', ARGV[7], 'unknown', unknown() .. ' ' .. text(r.issued) .. '-' .. text(issued))
  if r.copied_from == 0 then
    set('copied_from', r.epoch)
  end
  set('copied:' .. text(r.epoch), r.version)
  set('epoch', tonumber(ARGV[3]))
  set('version', 1)
  set('issued', issued)
  set('ceiling', math.max(issued, tonumber(ARGV[6])))
  set('opened_at', now)
  set('opened_issued', issued)
  set('objections_until', now + tonumber(ARGV[8]))
  set('admitted_at', now) -- as if that had been a whole quota: the master before may have let people in
  set('list_due', math.max(r.list_due, tonumber(ARGV[9])))
end
return {'ok', now, r.epoch, r.version}
