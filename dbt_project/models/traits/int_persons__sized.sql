with

employed as (

    select * from {{ ref('int_persons__employed') }}

),

accounts as (

    select * from {{ ref('accounts') }}

),

-- The classes of the professional networks, so that lists compare.
sized as (

    select
        employed.person_id,
        case
            when accounts.employee_count <= 10 then '1-10'
            when accounts.employee_count <= 50 then '11-50'
            when accounts.employee_count <= 200 then '51-200'
            when accounts.employee_count <= 500 then '201-500'
            when accounts.employee_count <= 1000 then '501-1000'
            when accounts.employee_count <= 5000 then '1001-5000'
            when accounts.employee_count <= 10000 then '5001-10000'
            when accounts.employee_count > 10000 then '10001+'
        end as company_size

    from employed

    inner join accounts
        on employed.account_id = accounts.account_id

    where accounts.employee_count > 0

)

select * from sized
