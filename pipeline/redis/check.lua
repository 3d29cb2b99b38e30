-- Takes all draws of one request or none. KEYS: a bucket per draw. ARGV: per draw its limit, its
-- window in microseconds, its cost, which is at most the limit. Answers how many microseconds the
-- request must wait; 0: all draws were taken.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local left, wait = {}, 0
for i, key in ipairs(KEYS) do
  local limit, window, cost = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  local units = left[key] -- set if an earlier draw of this request is on the same bucket
  if not units then
    local was = redis.call('HMGET', key, 'units', 'at', 'limit', 'window')
    units = limit
    if was[1] then
      local full, over = tonumber(was[3] or limit), tonumber(was[4] or window)
      units = math.min(limit, full, was[1] + full * math.max(0, now - was[2]) / over)
    end
  end
  local short = cost - units
  if short > 0.000001 then -- less is rounding
    wait = math.max(wait, math.ceil(short * window / limit))
  end
  left[key] = math.max(0, -short)
end
if wait > 0 then
  return wait
end
for i, key in ipairs(KEYS) do
  local limit, window = ARGV[3 * i - 2], ARGV[3 * i - 1]
  redis.call('HSET', key, 'units', string.format('%.9f', left[key]), 'at', string.format('%.0f', now), 'limit', limit, 'window', window)
  redis.call('PEXPIRE', key, math.ceil(window / 1000) + 1000) -- by then it is full
end
return 0
