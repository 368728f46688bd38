// The mark: two steps.

export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
      <rect width="32" height="32" rx="8" class="mark-ground" />
      <g class="mark-steps">
        <ellipse cx="11.5" cy="19" rx="3.4" ry="5.2" transform="rotate(8 11.5 19)" />
        <circle cx="12.6" cy="10.6" r="1.9" />
        <g opacity=".75">
          <ellipse cx="20.8" cy="15" rx="3.2" ry="4.9" transform="rotate(8 20.8 15)" />
          <circle cx="21.9" cy="7.1" r="1.7" />
        </g>
      </g>
    </svg>
  );
}
